"""Asking for suppression and deletion: who may, what is written, and what the log of it says."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from audit.models import AuditRow
from privacy import regulations
from privacy.models import Regulation, SuppressedUser
from privacy.regulations import (
    RegulationError,
    left_this_month,
    request_regulation,
    request_regulations,
    stop_suppression,
)
from privacy.suppression import user_id_of
from tests.factories import member
from workspaces.models import User, Workspace
from workspaces.roles import Role

Type, Status = Regulation.Type, Regulation.Status
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("asked", "status", "suppresses"),
    [
        (Type.SUPPRESS_WITH_DELETE, Status.INITIALIZED, True),
        (Type.DELETE_ONLY, Status.INITIALIZED, False),
        (Type.SUPPRESS_WITH_DELETE_INTERNAL, Status.INITIALIZED, True),
        (Type.DELETE_INTERNAL, Status.INITIALIZED, False),
        (Type.DELETE_ARCHIVE_ONLY, Status.INITIALIZED, False),
        (Type.SUPPRESS_ONLY, Status.FINISHED, True),
        (Type.UNSUPPRESS, Status.FINISHED, False),
    ],
)
def test_each_type_does_what_it_says(
    workspace: Workspace, alice: User, asked: Regulation.Type, status: str, suppresses: bool
) -> None:
    made = request_regulation(workspace, regulation_type=asked, user_id=" patient-17 ", actor=alice)
    made.refresh_from_db()
    assert (made.type, made.status, made.requested_by, made.upload) == (asked, status, alice, None)
    assert (made.completed_at is None) == (status == Status.INITIALIZED)
    assert user_id_of(made) == "patient-17"
    assert [user_id_of(row) for row in SuppressedUser.objects.all()] == (["patient-17"] if suppresses else [])


def test_the_audit_row_names_the_request_and_not_the_user(workspace: Workspace, alice: User) -> None:
    made = request_regulation(workspace, regulation_type=Type.DELETE_ONLY, user_id="patient-17", actor=alice)
    row = AuditRow.objects.get()
    assert (row.event_type, row.object_id, row.details) == ("Regulation Created", str(made.pk), {"type": "DELETE_ONLY"})
    assert "patient-17" not in str(row.facts)


def test_a_suppression_ends_with_a_request_of_its_own(workspace: Workspace, alice: User) -> None:
    request_regulation(workspace, regulation_type=Type.SUPPRESS_ONLY, user_id="u1", actor=alice)
    stop_suppression(SuppressedUser.objects.get(), actor=alice)
    assert not SuppressedUser.objects.exists()
    assert list(Regulation.objects.order_by("requested_at").values_list("type", flat=True)) == [
        "SUPPRESS_ONLY",
        "UNSUPPRESS",
    ]


def test_a_file_of_users_is_one_row_in_the_audit_log(workspace: Workspace, alice: User) -> None:
    ids = [f"u{n}" for n in range(5000)]
    upload = request_regulations(workspace, regulation_type=Type.SUPPRESS_WITH_DELETE, user_ids=ids, actor=alice)
    assert Regulation.objects.filter(upload=upload).count() == 5000
    assert SuppressedUser.objects.count() == 5000
    assert AuditRow.objects.get().details == {"type": "SUPPRESS_WITH_DELETE", "users": 5000, "upload": str(upload)}


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([""], "Enter a userId."),
        (["a", "  "], "Enter a userId."),
        ([str(n) for n in range(5001)], "5,000 users are taken at once. Split the list."),
        (["a\0b"], "A userId cannot hold control characters."),
    ],
)
def test_what_cannot_be_asked_writes_nothing(workspace: Workspace, alice: User, ids: list[str], message: str) -> None:
    with pytest.raises(RegulationError, match=f"^{message}$"):
        request_regulations(workspace, regulation_type=Type.SUPPRESS_ONLY, user_ids=ids, actor=alice)
    assert (Regulation.objects.count(), SuppressedUser.objects.count(), AuditRow.objects.count()) == (0, 0, 0)


def test_the_months_limit_counts_each_kind_by_itself(
    workspace: Workspace, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regulations, "MOST_A_MONTH", 2)
    for asked in (Type.DELETE_ONLY, Type.SUPPRESS_ONLY):
        request_regulations(workspace, regulation_type=asked, user_ids=["a", "b"], actor=alice)
        assert left_this_month(workspace, asked) == 0
        with pytest.raises(RegulationError, match=r"^0 users of this kind are left this month \(limit 2\)\."):
            request_regulation(workspace, regulation_type=asked, user_id="c", actor=alice)
    assert Regulation.objects.count() == 4


def test_owners_and_privacy_admins_may(workspace: Workspace, alice: User, bob: User, charlie: User) -> None:
    pat = member(workspace, "pat", Role.PRIVACY_ADMIN)
    request_regulation(workspace, regulation_type=Type.SUPPRESS_ONLY, user_id="a", actor=pat)
    with pytest.raises(PermissionDenied):
        request_regulation(workspace, regulation_type=Type.SUPPRESS_ONLY, user_id="b", actor=bob)
    with pytest.raises(Http404):
        request_regulation(workspace, regulation_type=Type.SUPPRESS_ONLY, user_id="b", actor=charlie)
    assert SuppressedUser.objects.count() == 1
