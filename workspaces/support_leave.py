"""Whether support staff are let into a workspace now: asked with every request of theirs."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone

from workspaces.models import SupportAccess, User, Workspace


def in_force(workspace: Workspace) -> SupportAccess | None:
    """The leave that holds now, or None."""
    now = timezone.now()
    return workspace.support_accesses.filter(revoked_at=None, expires_at__gt=now).select_related("granted_by").first()


def leave_of(user: User, workspace: Workspace) -> SupportAccess | None:
    """The leave by which the person, support staff, may open the workspace now; None for anybody else."""
    return in_force(workspace) if user.is_active and user.is_staff else None


def open_to(user: User) -> QuerySet[SupportAccess]:
    """The leaves that let the person into workspaces they are no member of, by the workspace's name."""
    if not (user.is_active and user.is_staff):
        return SupportAccess.objects.none()
    held = SupportAccess.objects.filter(revoked_at=None, expires_at__gt=timezone.now())
    others = held.exclude(workspace__in=user.workspaces.all())
    return others.select_related("workspace", "granted_by").order_by("workspace__name", "pk")
