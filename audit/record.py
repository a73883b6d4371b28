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
    last: bool = False,
) -> AuditRow:
    """Write one row with the facts of the request in progress; an error here must end the action it tells of.

    `details` names what changed and may hold before and after of settings, never a PHI value, key or token. `last`
    says that nothing follows in the transaction in progress, which may then be committed here.
    """
    facts = context.current()
    owner = _let_in_by(actor, str(workspace_id))
    row = AuditRow(
        workspace_id=str(workspace_id),
        actor_user_id=str(actor.pk) if actor else "",
        actor_label=actor.email if actor else "",
        actor_kind=_kind(actor, on_behalf=owner is not None),
        on_behalf_of=owner.owner_user_id if owner else "",
        on_behalf_of_label=owner.owner_label if owner else "",
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
    # No savepoint: nobody goes on after a row that could not be written, so the whole transaction is to fail.
    with transaction.mark_for_rollback_on_error():
        row.save(last=last)
    facts.rows.append(row.pk)
    return row


def _let_in_by(actor: Person | None, workspace_id: str) -> context.OnBehalf | None:
    """For whom the actor acts in this workspace; None for members, and for rows of any other workspace."""
    found = context.current().on_behalf
    if actor is None or found is None:
        return None
    return found if (found.actor_user_id, found.workspace_id) == (str(actor.pk), workspace_id) else None


def _kind(actor: Person | None, *, on_behalf: bool) -> AuditRow.ActorKind:
    facts = context.current()
    if actor is None:
        return AuditRow.ActorKind.STRANGER if facts.request_id else AuditRow.ActorKind.SYSTEM
    in_admin = facts.route.startswith("admin:") and getattr(actor, "is_staff", False)
    return AuditRow.ActorKind.SUPPORT if on_behalf or in_admin else AuditRow.ActorKind.PERSON
