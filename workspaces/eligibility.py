"""Sets who may send PHI: the plan tier and the signed BAA, by support staff alone."""

from __future__ import annotations

from datetime import date

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction

from audit.event_types import EventType
from audit.record import record
from workspaces import baa
from workspaces.models import User, Workspace

FACTS = ("plan", *baa.TERMS)


def set_eligibility(workspace: Workspace, *, actor: User, **facts: str | date | None) -> bool:
    """Set plan tier and BAA (FACTS); say whether that changed anything, and record before and after if it did.

    Raises PermissionDenied for anyone but support staff with the right to change workspaces, owners included, and
    ValidationError by field where the BAA lacks something.
    """
    if not (actor.is_active and actor.is_staff and actor.has_perm("workspaces.change_workspace")):
        raise PermissionDenied("set a workspace's eligibility")
    with transaction.atomic():
        current = Workspace.objects.select_for_update().get(pk=workspace.pk)
        before = _told(current)
        for name, value in facts.items():
            setattr(workspace, name, value)
        after = _told(workspace)
        if before == after:
            return False
        if problems := baa.problems(**{name: getattr(workspace, name) for name in baa.TERMS}):
            raise ValidationError(problems)
        workspace.save(update_fields=list(FACTS))
        record(
            EventType.WORKSPACE_ELIGIBILITY_MODIFIED,
            actor=actor,
            workspace_id=workspace.pk,
            subject=workspace,
            details={"before": before, "after": after},
        )
    return True


def _told(workspace: Workspace) -> dict[str, object]:
    facts = {name: getattr(workspace, name) for name in FACTS}
    told = {name: value.isoformat() if isinstance(value, date) else value for name, value in facts.items()}
    return {**told, "hipaa_eligible": workspace.is_hipaa_eligible}
