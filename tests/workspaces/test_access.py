"""Who may do what, and whom the 15-minute rule is for."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils import timezone

from tests.factories import member
from workspaces.access import Right, access_of, has_hipaa_access, require_right
from workspaces.models import User, Workspace
from workspaces.roles import MEMBER_RIGHTS, RIGHTS, Role


def test_owners_may_do_everything() -> None:
    assert RIGHTS[Role.OWNER] == set(Right)


def test_each_role_may_do_what_the_next_higher_may() -> None:
    ladder = [MEMBER_RIGHTS, *(RIGHTS[role] for role in (Role.SOURCE_READ_ONLY, Role.SOURCE_ADMIN, Role.OWNER))]
    assert all(low < high for low, high in itertools.pairwise(ladder))
    assert all(RIGHTS[role] > MEMBER_RIGHTS for role in Role)


@pytest.mark.parametrize("role", ["", Role.SOURCE_READ_ONLY, Role.SOURCE_ADMIN, Role.PRIVACY_ADMIN, Role.PII_ACCESS])
def test_the_audit_log_is_for_owners_and_auditors(workspace: Workspace, role: str) -> None:
    with pytest.raises(PermissionDenied):
        require_right(member(workspace, "dora", role), workspace, Right.VIEW_AUDIT_LOG)


def test_outsiders_are_told_there_is_no_such_workspace(workspace: Workspace, charlie: User) -> None:
    assert not access_of(charlie, workspace)
    with pytest.raises(Http404):
        require_right(charlie, workspace, Right.OPEN_WORKSPACE)


def test_a_deactivated_owner_has_no_rights(workspace: Workspace, alice: User) -> None:
    User.objects.update(is_active=False)
    assert not access_of(alice, workspace)


@pytest.mark.parametrize(
    ("plan", "days_since_baa", "bound"),
    [
        ("business", 0, True),
        ("business", 1, True),
        ("business", -1, False),
        ("team", 1, True),
        ("business", None, False),
    ],
)
def test_the_rule_is_for_members_of_workspaces_bound_by_a_baa(
    workspace: Workspace, alice: User, plan: str, days_since_baa: int | None, bound: bool
) -> None:
    today = timezone.now().date()
    signed = None if days_since_baa is None else today - timedelta(days=days_since_baa)
    Workspace.objects.update(plan=plan, baa_signed_on=signed)
    assert has_hipaa_access(alice) is bound


def test_an_expired_baa_unlocks_nothing(workspace: Workspace, alice: User) -> None:
    Workspace.objects.update(baa_expires_on="2025-01-01")
    assert has_hipaa_access(alice)


def test_the_rule_is_for_support_staff_who_see_every_workspace(db: None) -> None:
    assert has_hipaa_access(User.objects.create_superuser("support@example.com"))
