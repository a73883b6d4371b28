"""Whether support staff are let into a workspace now: asked with every request of theirs."""

from __future__ import annotations

from django.utils import timezone

from workspaces.models import SupportAccess, User, Workspace


def in_force(workspace: Workspace) -> SupportAccess | None:
    """The leave that holds now, or None."""
    now = timezone.now()
    return workspace.support_accesses.filter(revoked_at=None, expires_at__gt=now).select_related("granted_by").first()


def is_let_in(user: User, workspace: Workspace) -> bool:
    """Whether the person is support staff whom an owner has let in."""
    return user.is_active and user.is_staff and in_force(workspace) is not None
