"""Who may do what. Outsiders learn nothing (404); insiders without the right are refused (403)."""

from __future__ import annotations

import enum

from django.core.exceptions import PermissionDenied
from django.http import Http404

from workspaces.models import Membership, User, Workspace

Role = Membership.Role


class Right(enum.Enum):
    """What can be done in a workspace; the table below says by whom."""

    OPEN_WORKSPACE = "open the workspace"
    VIEW_SETTINGS = "view workspace settings"
    CHANGE_SETTINGS = "change workspace settings"
    VIEW_SOURCES = "view sources"
    EDIT_SOURCES = "add and change sources, see write keys"
    VIEW_DESTINATIONS = "view destinations and their deliveries"
    EDIT_DESTINATIONS = "add and change destinations, generate encryption keys"
    CLASSIFY_FIELDS = "classify fields in the Privacy Portal"
    VIEW_AUDIT_LOG = "view and download the HIPAA audit log"


_READING = {Right.OPEN_WORKSPACE, Right.VIEW_SETTINGS, Right.VIEW_SOURCES, Right.VIEW_DESTINATIONS}

RIGHTS: dict[str, frozenset[Right]] = {
    Role.OWNER: frozenset(Right),
    Role.SOURCE_ADMIN: frozenset(_READING | {Right.EDIT_SOURCES, Right.EDIT_DESTINATIONS}),
    Role.SOURCE_READ_ONLY: frozenset(_READING),
    Role.MEMBER: frozenset({Right.OPEN_WORKSPACE, Right.VIEW_SETTINGS}),
}


def rights_of(user: User, workspace: Workspace) -> frozenset[Right]:
    """Every right the person has in the workspace; empty for an outsider."""
    role = Membership.objects.filter(user_id=user.pk, workspace=workspace, user__is_active=True).values_list(
        "role", flat=True
    )
    return RIGHTS.get(role.first() or "", frozenset())


def require_right(actor: User, workspace: Workspace, right: Right) -> None:
    """Return if `actor` has `right`; raise Http404 for an outsider and PermissionDenied for an insider without it."""
    rights = rights_of(actor, workspace)
    if not rights:
        raise Http404("no such workspace")
    if right not in rights:
        raise PermissionDenied(right.value)


def has_hipaa_access(user: User) -> bool:
    """Whether the person is under the 15-minute rule, everywhere: staff, and members of a HIPAA-eligible workspace."""
    return user.is_staff or any(workspace.is_hipaa_eligible for workspace in user.workspaces.all())
