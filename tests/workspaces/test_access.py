"""Who may do what, and whom the 15-minute rule is for."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils import timezone

from tests.factories import member
from workspaces.access import RIGHTS, Right, has_hipaa_access, require_right, rights_of
from workspaces.models import Membership, User, Workspace

Role = Membership.Role


def test_owners_may_do_everything() -> None:
    assert RIGHTS[Role.OWNER] == set(Right)


def test_each_role_may_do_what_the_next_higher_may() -> None:
    order = [Role.MEMBER, Role.SOURCE_READ_ONLY, Role.SOURCE_ADMIN, Role.OWNER]
    assert set(RIGHTS) == set(order)
    assert all(RIGHTS[low] < RIGHTS[high] for low, high in itertools.pairwise(order))


@pytest.mark.parametrize("role", [Role.MEMBER, Role.SOURCE_READ_ONLY, Role.SOURCE_ADMIN])
def test_the_audit_log_is_for_owners(workspace: Workspace, role: str) -> None:
    with pytest.raises(PermissionDenied):
        require_right(member(workspace, "dora", role), workspace, Right.VIEW_AUDIT_LOG)


def test_outsiders_are_told_there_is_no_such_workspace(workspace: Workspace, charlie: User) -> None:
    assert rights_of(charlie, workspace) == frozenset()
    with pytest.raises(Http404):
        require_right(charlie, workspace, Right.OPEN_WORKSPACE)


def test_a_deactivated_owner_has_no_rights(workspace: Workspace, alice: User) -> None:
    User.objects.update(is_active=False)
    assert rights_of(alice, workspace) == frozenset()


@pytest.mark.parametrize(
    ("plan", "days_since_baa", "eligible"),
    [
        ("business", 0, True),
        ("business", 1, True),
        ("business", -1, False),
        ("team", 1, False),
        ("business", None, False),
    ],
)
def test_the_rule_is_for_members_of_eligible_workspaces(
    workspace: Workspace, alice: User, plan: str, days_since_baa: int | None, eligible: bool
) -> None:
    today = timezone.now().date()
    signed = None if days_since_baa is None else today - timedelta(days=days_since_baa)
    Workspace.objects.update(plan=plan, baa_signed_on=signed)
    assert has_hipaa_access(alice) is eligible


def test_the_rule_is_for_support_staff_who_see_every_workspace(db: None) -> None:
    assert has_hipaa_access(User.objects.create_superuser("support@example.com"))
