"""How long a workspace's audit log is kept and whether it is on legal hold: its owners say, never support staff.

Both take effect at once. The purge waits for a change that is under way and the change for it, so that a hold that was
confirmed has lost nothing since.
"""

from __future__ import annotations

from audit.event_types import EventType
from audit.models import AuditRetention
from audit.proof.tree import alone
from audit.record import record
from audit.retention import LEAST_YEARS, MOST_YEARS, Kept, kept
from workspaces.access import Right, require_right
from workspaces.models import User, Workspace


def change_period(workspace: Workspace, *, years: int, actor: User) -> bool:
    """Keep rows for that many years; False where it was so already.

    Raises ValueError below the six years of 45 CFR 164.316(b)(2)(i), for whatever workspace, and above MOST_YEARS.
    """
    require_right(actor, workspace, Right.KEEP_AUDIT_LOG)
    if not LEAST_YEARS <= years <= MOST_YEARS:
        raise ValueError(f"the audit log is kept for {LEAST_YEARS} to {MOST_YEARS} years")
    with alone():
        before = kept(str(workspace.pk))
        if years == before.years:
            return False
        _set(workspace, actor, years=years, held=before.held, reason=before.reason)
        details = {"years": {"before": before.years, "after": years}}
        modified = EventType.HIPAA_AUDIT_RETENTION_MODIFIED
        record(modified, actor=actor, workspace_id=workspace.pk, subject=workspace, details=details)
    return True


def place_hold(workspace: Workspace, *, reason: str, actor: User) -> bool:
    """Keep every row until the hold is released, however old it gets; False where the log is on hold already."""
    return _hold(workspace, actor, held=True, reason=reason, event_type=EventType.LEGAL_HOLD_PLACED)


def release_hold(workspace: Workspace, *, reason: str, actor: User) -> bool:
    """Let rows past their time go again, with the next daily run; False where there is no hold."""
    return _hold(workspace, actor, held=False, reason=reason, event_type=EventType.LEGAL_HOLD_RELEASED)


def _hold(workspace: Workspace, actor: User, *, held: bool, reason: str, event_type: EventType) -> bool:
    require_right(actor, workspace, Right.KEEP_AUDIT_LOG)
    if not reason.strip():
        raise ValueError("say why, such as a matter's number")
    with alone():
        before: Kept = kept(str(workspace.pk))
        if before.held == held:
            return False
        _set(workspace, actor, years=before.years, held=held, reason=reason.strip())
        details = {"legal_hold": {"before": before.held, "after": held}, "reason": reason.strip()}
        record(event_type, actor=actor, workspace_id=workspace.pk, subject=workspace, details=details)
    return True


def _set(workspace: Workspace, actor: User, *, years: int, held: bool, reason: str) -> None:
    AuditRetention.objects.create(
        workspace_id=str(workspace.pk), years=years, held=held, reason=reason, set_by=actor.email
    )
