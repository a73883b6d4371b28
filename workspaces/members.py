"""Members of a workspace: who they are, changing what they were given, removing them."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet

from audit.event_types import EventType
from audit.record import record
from workspaces import grants
from workspaces.access import Right, require_right
from workspaces.grants import RoleGiven
from workspaces.models import Grant, Membership, User, Workspace
from workspaces.roles import Role
from workspaces.sessions import end_sessions

LAST_OWNER = "A workspace keeps at least one owner. Make another member an owner first."


def members_of(workspace: Workspace, *, text: str = "", actor: User) -> QuerySet[Membership]:
    """The workspace's members by address, those whose address or name contains `text`, with what they were given."""
    require_right(actor, workspace, Right.MANAGE_MEMBERS)
    found = workspace.memberships.filter(Q(user__email__icontains=text) | Q(user__name__icontains=text))
    return found.select_related("user").prefetch_related("grants").order_by("user__email")


@transaction.atomic
def change_roles(membership: Membership, roles: Sequence[RoleGiven], *, actor: User) -> bool:
    """Give the member exactly these roles; whether that changed anything. It holds from their next request on.

    Raises ValidationError for a reach that cannot be given and for the last owner's demotion.
    """
    workspace = _lock(membership, actor)
    grants.check(workspace, roles)
    before = grants.given_to(membership)
    if set(before) == set(roles):
        return False
    if Role.OWNER not in {given.role for given in roles}:
        _keep_an_owner(workspace, membership)
    grants.write(membership, roles)
    record(
        EventType.USER_POLICY_UPDATED,
        actor=actor,
        workspace_id=workspace.pk,
        subject=membership,
        label=membership.user.email,
        details={"before": grants.told(before), "after": grants.told(roles), **_pii_change(before, roles)},
    )
    return True


@transaction.atomic
def remove_member(membership: Membership, *, actor: User) -> None:
    """Take the member out and end every session of theirs at once; raises ValidationError for the last owner."""
    workspace = _lock(membership, actor)
    _keep_an_owner(workspace, membership)
    user = membership.user
    before = grants.told(grants.given_to(membership))
    subject_id = membership.pk
    membership.delete()
    membership.pk = subject_id  # the row tells of it by its id
    record(
        EventType.USER_REMOVED,
        actor=actor,
        workspace_id=workspace.pk,
        subject=membership,
        label=user.email,
        details={"roles": before, "sessions_ended": end_sessions(user)},
    )


def owners_of(workspace: Workspace) -> QuerySet[User]:
    """Everyone who owns the workspace and can sign in."""
    return User.objects.filter(is_active=True, memberships__workspace=workspace, memberships__grants__role=Role.OWNER)


def _lock(membership: Membership, actor: User) -> Workspace:
    require_right(actor, membership.workspace, Right.MANAGE_MEMBERS)
    # Two owners who demote each other at once would leave none.
    return Workspace.objects.select_for_update().get(pk=membership.workspace_id)


def _keep_an_owner(workspace: Workspace, membership: Membership) -> None:
    owners = Grant.objects.filter(role=Role.OWNER, membership__workspace=workspace, membership__user__is_active=True)
    if not owners.exclude(membership=membership).exists() and owners.filter(membership=membership).exists():
        raise ValidationError(LAST_OWNER)


def _pii_change(before: Sequence[RoleGiven], after: Sequence[RoleGiven]) -> dict[str, object]:
    had, has = (Role.PII_ACCESS in {given.role for given in roles} for roles in (before, after))
    return {} if had == has else {"pii_access": "granted" if has else "revoked"}
