"""Audit rows about a person rather than a workspace: one in each workspace of theirs, so that its owners see it."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from audit.event_types import EventType
from audit.models import AuditRow
from audit.record import record
from workspaces.models import User


def record_for(
    user: User,
    event_type: EventType,
    *,
    actor: User | None = None,
    by_hand: bool = False,
    details: Mapping[str, object] | None = None,
    outcome: AuditRow.Outcome = AuditRow.Outcome.DONE,
) -> None:
    """One row for each workspace the person belongs to; one row of no workspace where there is none.

    `actor` is who did it, by default the person themselves; what is done `by_hand` on the command line is nobody's who
    is known here.
    """
    by = None if by_hand else actor or user
    with transaction.atomic():
        for workspace_id in [str(each) for each in user.memberships.values_list("workspace_id", flat=True)] or [""]:
            record(event_type, actor=by, workspace_id=workspace_id, subject=user, details=details, outcome=outcome)
