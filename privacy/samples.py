"""The one event that is kept of each field, sealed: opened for a person, masked for those without PII Access."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import transaction

from audit.event_types import EventType
from audit.record import record
from privacy import masking
from privacy.json_lines import Line, numbered
from privacy.models import ObservedField
from privacy.scanning.scan import event_name
from privacy.scanning.shape import values_of
from workspaces.access import Right, require_right
from workspaces.models import User
from workspaces.sealing import SealError, unseal


@dataclass(frozen=True, slots=True)
class Sample:
    """An event as lines. `event` is a track call's name, else the call's type."""

    event: str
    lines: list[Line]
    masked: bool

    @property
    def marked(self) -> list[int]:
        """The numbers of the lines that hold the field."""
        return [line.number for line in self.lines if line.marked]


@transaction.atomic
def open_sample(field: ObservedField, *, actor: User) -> Sample | None:
    """The field's sample as the actor may see it; None where none is kept or it does not open. Recorded either way."""
    access = require_right(actor, field.workspace, Right.CLASSIFY_FIELDS)
    event = _opened(field)
    masked = not access.may(Right.SEE_PII)
    user_id = event.get("userId") if event else None
    record(
        EventType.FIELD_SAMPLE_VIEWED,
        actor=actor,
        workspace_id=field.workspace_id,
        subject=field,
        end_user_id=user_id if isinstance(user_id, str) else "",
        details={"opened": event is not None, "masked": masked},
    )
    if event is None:
        return None
    seen = masking.seen_by(access, field.workspace_id, event)
    return Sample(event_name(event), numbered(seen, field.name), masked)


def sampled_values(field: ObservedField) -> Iterator[object]:
    """The field's values in its sample, for rules to be asked about and never to be shown; none where none opens."""
    event = _opened(field)
    if event is not None:
        yield from values_of(event, field.name)


def _opened(field: ObservedField) -> dict[str, Any] | None:
    if not field.sealed_sample:
        return None
    try:
        event: dict[str, Any] = orjson.loads(unseal(bytes(field.sealed_sample), bound_to=field.pk.bytes))
    except (SealError, orjson.JSONDecodeError):
        return None
    return event
