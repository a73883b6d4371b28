"""Support access: an owner lets support staff act as an owner would, for at most seven days (documented)."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.event_types import EventType
from audit.record import record
from workspaces.access import Right, lock_with_right, require_right
from workspaces.models import SupportAccess, User, Workspace

LONGEST = timedelta(days=7)
DURATIONS = {
    timedelta(hours=1): "1 hour",
    timedelta(hours=4): "4 hours",
    timedelta(days=1): "1 day",
    timedelta(days=3): "3 days",
    LONGEST: "7 days",
}


@transaction.atomic
def grant(workspace: Workspace, *, duration: timedelta, reason: str, actor: User) -> SupportAccess:
    """Let support staff in for `duration`, at most seven days; a leave that holds already is replaced."""
    lock_with_right(actor, workspace, Right.GRANT_SUPPORT_ACCESS)
    now = timezone.now()
    workspace.support_accesses.filter(revoked_at=None, expires_at__gt=now).update(revoked_at=now)
    access = SupportAccess.objects.create(
        workspace=workspace, granted_by=actor, expires_at=now + min(duration, LONGEST), reason=reason
    )
    details = {"until": access.expires_at.isoformat(timespec="seconds"), "reason": reason}
    record(EventType.SUPPORT_ACCESS_GRANTED, actor=actor, workspace_id=workspace.pk, subject=workspace, details=details)
    return access


@transaction.atomic
def revoke(workspace: Workspace, *, actor: User) -> bool:
    """Take the leave back; whether there was one. It holds from the next request on."""
    require_right(actor, workspace, Right.GRANT_SUPPORT_ACCESS)
    now = timezone.now()
    ended = workspace.support_accesses.filter(revoked_at=None, expires_at__gt=now).update(revoked_at=now)
    if ended:
        record(EventType.SUPPORT_ACCESS_REVOKED, actor=actor, workspace_id=workspace.pk, subject=workspace)
    return bool(ended)


def history(workspace: Workspace, *, actor: User) -> QuerySet[SupportAccess]:
    """Every leave there was, the latest first, with who gave it."""
    require_right(actor, workspace, Right.GRANT_SUPPORT_ACCESS)
    return workspace.support_accesses.select_related("granted_by").order_by("-granted_at", "-pk")
