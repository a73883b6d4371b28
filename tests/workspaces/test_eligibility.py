"""Plan and BAA are set by support staff alone, and every change says before and after."""

from __future__ import annotations

from datetime import date

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditRow
from tests.factories import support_staff
from workspaces.eligibility import set_eligibility
from workspaces.models import User, Workspace

SIGNED = date(2024, 1, 15)


@pytest.fixture
def support(db: None) -> User:
    return User.objects.create_superuser("support@example.com")


def test_a_change_says_before_and_after(workspace: Workspace, support: User) -> None:
    assert set_eligibility(
        workspace, actor=support, plan="team", baa_signed_on=None, baa_signed_by="", baa_reference=""
    )
    workspace.refresh_from_db()
    assert (workspace.plan, workspace.baa_signed_on, workspace.is_hipaa_eligible) == ("team", None, False)
    row = AuditRow.objects.get()
    signed = {"baa_signed_by": "Olivia Owner, Chief Privacy Officer", "baa_reference": "BAA-2024-001"}
    never, none = {"baa_expires_on": None}, {"baa_signed_by": "", "baa_reference": ""}
    assert (row.event_type, row.workspace_id) == ("Workspace Eligibility Modified", str(workspace.pk))
    assert row.details == {
        "before": {"plan": "business", "baa_signed_on": "2024-01-15", **signed, **never, "hipaa_eligible": True},
        "after": {"plan": "team", "baa_signed_on": None, **none, **never, "hipaa_eligible": False},
    }


def test_no_change_writes_nothing(workspace: Workspace, support: User) -> None:
    assert not set_eligibility(workspace, actor=support, plan="business", baa_signed_on=SIGNED)
    assert not AuditRow.objects.exists()


@pytest.mark.parametrize("staff", [False, True])
def test_an_owner_or_staff_without_the_right_is_refused(workspace: Workspace, alice: User, staff: bool) -> None:
    alice.is_staff = staff
    with pytest.raises(PermissionDenied):
        set_eligibility(workspace, actor=alice, plan="free", baa_signed_on=None)
    workspace.refresh_from_db()
    assert workspace.plan == "business"
    assert not AuditRow.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"baa_signed_by": ""}, "baa_signed_by"),
        ({"baa_reference": ""}, "baa_reference"),
        ({"baa_expires_on": date(2024, 1, 14)}, "baa_expires_on"),
        ({"baa_signed_on": None}, "baa_signed_on"),
    ],
)
def test_a_baa_that_lacks_something_is_not_filed(
    workspace: Workspace, support: User, wrong: dict[str, str | date | None], field: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        set_eligibility(workspace, actor=support, **wrong)
    assert list(refused.value.message_dict) == [field]
    workspace.refresh_from_db()
    assert (workspace.baa_signed_on, workspace.baa_reference) == (SIGNED, "BAA-2024-001")
    assert not AuditRow.objects.exists()


def test_the_form_says_what_is_missing(workspace: Workspace, client: Client) -> None:
    client.force_login(support_staff())
    where = reverse("admin:workspaces_workspace_change", args=[workspace.pk])
    facts = {"plan": "business", "baa_signed_on": "2025-05-01", "baa_signed_by": "", "baa_reference": "B-2"}
    page = client.post(where, {**facts, "baa_expires_on": "2025-04-30"}).content.decode()
    assert "Say who signed for the customer." in page
    assert "This is before the day it was signed." in page
    workspace.refresh_from_db()
    assert (workspace.baa_signed_on, workspace.baa_expires_on) == (SIGNED, None)
    right = {**facts, "baa_signed_by": "Pat, Privacy Officer", "baa_expires_on": "2027-04-30"}
    assert client.post(where, right).status_code == 302
    workspace.refresh_from_db()
    assert (workspace.baa_signed_by, workspace.baa_expires_on) == ("Pat, Privacy Officer", date(2027, 4, 30))


def test_one_day_is_enough_for_a_baa_to_be_in_force(workspace: Workspace, support: User) -> None:
    today = timezone.now().date()
    assert set_eligibility(workspace, actor=support, baa_signed_on=today, baa_expires_on=today)
    assert workspace.is_hipaa_eligible
