"""Members of a workspace: who they are, changing what they were given, removing them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404

from audit.event_types import EventType
from audit.export import csv_lines
from audit.record import record
from workspaces import grants
from workspaces.access import Right, lock_with_right, require_right
from workspaces.grants import RoleGiven
from workspaces.mfa import second_factors
from workspaces.models import Grant, Invitation, Membership, SignInLink, User, Workspace
from workspaces.roles import MEMBER, Role
from workspaces.sessions import end_sessions

CSV_COLUMNS = ("name", "email", "roles", "mfa", "last_sign_in", "added")
HAS_OWNERS = "This workspace has an owner. Owners invite members in Settings > Workspace settings > Access Management."
NOT_ONESELF = "You cannot make yourself an owner of a workspace that others belong to. Ask them for support access."
LAST_OWNER = "A workspace keeps at least one owner. Make another member an owner first."


def members_of(workspace: Workspace, *, text: str = "", actor: User) -> QuerySet[Membership]:
    """The members whose address or name contains `text`, by address, with their grants; `has_mfa` says of each whether
    they have an authenticator app or a passkey.
    """
    require_right(actor, workspace, Right.MANAGE_MEMBERS)
    found = workspace.memberships.filter(Q(user__email__icontains=text) | Q(user__name__icontains=text))
    found = found.annotate(has_mfa=Exists(second_factors(OuterRef("user"))))
    reach = ("grants__sources", "grants__labels")
    return found.select_related("user").prefetch_related("grants", *reach).order_by("user__email")


def find(membership_id: uuid.UUID, *, workspace: Workspace, actor: User) -> Membership:
    """One member of the workspace; raises Http404 where there is none with that id."""
    return get_object_or_404(members_of(workspace, actor=actor), pk=membership_id)


@transaction.atomic
def export(workspace: Workspace, *, actor: User) -> str:
    """Every member with their roles as CSV (documented: for owners); recorded before it is handed out."""
    rows = [_row(membership) for membership in members_of(workspace, actor=actor)]
    record(
        EventType.MEMBER_LIST_EXPORTED,
        actor=actor,
        workspace_id=workspace.pk,
        subject=workspace,
        details={"rows": len(rows)},
    )
    return csv_lines([CSV_COLUMNS, *rows])


def _row(membership: Any) -> list[object]:
    user = membership.user
    roles = "; ".join(grant.told for grant in membership.grants.all()) or MEMBER
    return [user.name, user.email, roles, "on" if membership.has_mfa else "off", user.last_login, membership.created_at]


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
    """Take the member out and end every session, sign-in link and invitation of theirs at once.

    Raises ValidationError for the last owner.
    """
    workspace = _lock(membership, actor)
    _keep_an_owner(workspace, membership)
    user = membership.user
    before = grants.told(grants.given_to(membership))
    subject_id = membership.pk
    membership.delete()
    membership.pk = subject_id  # the row tells of it by its id
    SignInLink.objects.filter(user=user).delete()
    revoked = [invitation.email for invitation in invitations_of(membership)]
    invitations_of(membership).delete()
    record(
        EventType.USER_REMOVED,
        actor=actor,
        workspace_id=workspace.pk,
        subject=membership,
        label=user.email,
        details={
            "roles": before,
            "sessions_ended": end_sessions(user),
            **({"invitations_revoked": revoked} if revoked else {}),
        },
    )


def invitations_of(membership: Membership) -> QuerySet[Invitation]:
    """The open invitations that end with the member: those they sent, which may be to an address of their own, and one
    to themselves of before they became a member by other means.
    """
    user = membership.user
    return membership.workspace.invitations.filter(Q(invited_by=user) | Q(email=user.email))


def owners_of(workspace: Workspace) -> QuerySet[User]:
    """Everyone who owns the workspace and can sign in."""
    return User.objects.filter(is_active=True, memberships__workspace=workspace, memberships__grants__role=Role.OWNER)


def check_first_owner(workspace: Workspace, user: User, *, actor: User) -> None:
    """Raise ValidationError where support staff may not make the person an owner: owners see to that themselves.

    Nor may staff make themselves owners of a workspace that people work in: what opens it to them is support access.
    """
    if owners_of(workspace).exists():
        raise ValidationError(HAS_OWNERS)
    if user == actor and workspace.memberships.exclude(user=actor).exists():
        raise ValidationError(NOT_ONESELF)


@transaction.atomic
def make_first_owner(workspace: Workspace, user: User, *, actor: User) -> Membership:
    """Give a workspace without an owner its first. Support staff only.

    Raises PermissionDenied, and ValidationError as `check_first_owner` does.
    """
    if not (actor.is_active and actor.is_staff and actor.has_perm("workspaces.add_membership")):
        raise PermissionDenied("make a workspace's first owner")
    Workspace.objects.select_for_update().get(pk=workspace.pk)
    check_first_owner(workspace, user, actor=actor)
    membership, _ = Membership.objects.get_or_create(workspace=workspace, user=user)
    before = grants.given_to(membership)
    after = [RoleGiven(Role.OWNER), *(given for given in before if given.role != Role.OWNER)]
    grants.write(membership, after)
    record(
        EventType.USER_POLICY_UPDATED,
        actor=actor,
        workspace_id=workspace.pk,
        subject=membership,
        label=user.email,
        details={"before": grants.told(before), "after": grants.told(after), "first_owner": True},
    )
    return membership


def _lock(membership: Membership, actor: User) -> Workspace:
    # Two owners who demote each other at once would leave none.
    workspace = lock_with_right(actor, membership.workspace, Right.MANAGE_MEMBERS)
    if not Membership.objects.filter(pk=membership.pk).exists():
        raise Http404("no such member")
    return workspace


def _keep_an_owner(workspace: Workspace, membership: Membership) -> None:
    owners = Grant.objects.filter(role=Role.OWNER, membership__workspace=workspace, membership__user__is_active=True)
    if not owners.exclude(membership=membership).exists() and owners.filter(membership=membership).exists():
        raise ValidationError(LAST_OWNER)


def _pii_change(before: Sequence[RoleGiven], after: Sequence[RoleGiven]) -> dict[str, object]:
    had, has = (Role.PII_ACCESS in {given.role for given in roles} for roles in (before, after))
    return {} if had == has else {"pii_access": "granted" if has else "revoked"}
