"""The one way to write an audit row."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Protocol

from django.db import transaction

from audit import context
from audit.event_types import EventType
from audit.models import AuditRow


class Person(Protocol):
    """Whoever acts: anything with an id and an e-mail address."""

    pk: Any
    email: str


class Named(Protocol):
    """An object an audit row can tell of."""

    pk: Any


def record(
    event_type: EventType,
    *,
    actor: Person | None,
    workspace_id: uuid.UUID | str = "",
    subject: Named | None = None,
    label: str = "",
    end_user_id: str = "",
    details: Mapping[str, object] | None = None,
    outcome: AuditRow.Outcome = AuditRow.Outcome.DONE,
) -> AuditRow:
    """Write one row with the facts of the request in progress; an error here must end the action it tells of.

    `details` names what changed and may hold before and after of settings, never a PHI value, key or token.
    """
    facts = context.current()
    row = AuditRow(
        workspace_id=str(workspace_id),
        actor_user_id=str(actor.pk) if actor else "",
        actor_label=actor.email if actor else "",
        event_type=event_type,
        end_user_id=end_user_id[:255],
        object_type=type(subject).__name__ if subject is not None else "",
        object_id=str(subject.pk) if subject is not None else "",
        object_label=(label or (str(subject) if subject is not None else ""))[:200],
        details=dict(details or {}),
        outcome=outcome,
        request_id=facts.request_id,
        route=facts.route,
        address=facts.address,
        user_agent=facts.user_agent[:300],
    )
    with transaction.atomic():
        row.save()
    facts.rows.append(row.pk)
    return row
