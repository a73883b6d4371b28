"""Plan and BAA are set by support staff alone, and every change says before and after."""

from __future__ import annotations

from datetime import date

import pytest
from django.core.exceptions import PermissionDenied

from audit.models import AuditRow
from workspaces.eligibility import set_eligibility
from workspaces.models import User, Workspace

SIGNED = date(2024, 1, 15)


@pytest.fixture
def support(db: None) -> User:
    return User.objects.create_superuser("support@example.com")


def test_a_change_says_before_and_after(workspace: Workspace, support: User) -> None:
    assert set_eligibility(workspace, actor=support, plan="team", baa_signed_on=None)
    workspace.refresh_from_db()
    assert (workspace.plan, workspace.baa_signed_on, workspace.is_hipaa_eligible) == ("team", None, False)
    row, rest = AuditRow.objects.get(), {"baa_signed_by": "", "baa_reference": "", "baa_expires_on": None}
    assert (row.event_type, row.workspace_id) == ("Workspace Eligibility Modified", str(workspace.pk))
    assert row.details == {
        "before": {"plan": "business", "baa_signed_on": "2024-01-15", **rest, "hipaa_eligible": True},
        "after": {"plan": "team", "baa_signed_on": None, **rest, "hipaa_eligible": False},
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
