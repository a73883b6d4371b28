"""Sets who may send PHI: the plan tier and the signed BAA, by support staff alone."""

from __future__ import annotations

from datetime import date

from django.core.exceptions import PermissionDenied
from django.db import transaction

from audit.event_types import EventType
from audit.record import record
from workspaces.models import User, Workspace


def set_eligibility(workspace: Workspace, *, actor: User, plan: str, baa_signed_on: date | None) -> bool:
    """Set plan tier and BAA date; say whether that changed anything, and record before and after if it did.

    Raises PermissionDenied for anyone but support staff with the right to change workspaces, owners included.
    """
    if not (actor.is_active and actor.is_staff and actor.has_perm("workspaces.change_workspace")):
        raise PermissionDenied("set a workspace's eligibility")
    with transaction.atomic():
        current = Workspace.objects.select_for_update().get(pk=workspace.pk)
        before = _facts(current)
        workspace.plan, workspace.baa_signed_on = plan, baa_signed_on
        after = _facts(workspace)
        if before == after:
            return False
        workspace.save(update_fields=["plan", "baa_signed_on"])
        record(
            EventType.WORKSPACE_ELIGIBILITY_MODIFIED,
            actor=actor,
            workspace_id=workspace.pk,
            subject=workspace,
            details={"before": before, "after": after},
        )
    return True


def _facts(workspace: Workspace) -> dict[str, object]:
    signed = workspace.baa_signed_on
    return {
        "plan": str(workspace.plan),
        "baa_signed_on": signed.isoformat() if signed else None,
        "hipaa_eligible": workspace.is_hipaa_eligible,
    }
