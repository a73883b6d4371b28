"""Counts of fields by hour and by event, added to in the worker's own transaction."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection, models

from privacy.models import FieldEvent, FieldHour, ObservedField
from privacy.scanning.scan import Seen, Where
from privacy.scanning.shape import Field
from workspaces.models import Source

ADD_HOUR = """
INSERT INTO privacy_fieldhour (field_id, source_id, hour, count) VALUES (%s, %s, %s, %s)
ON CONFLICT (field_id, hour, source_id) DO UPDATE SET count = privacy_fieldhour.count + excluded.count
"""
ADD_EVENT = """
INSERT INTO privacy_fieldevent (field_id, source_id, event_type, event, first_seen, last_seen, count)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (field_id, source_id, event_type, event) DO UPDATE SET count = privacy_fieldevent.count + excluded.count,
first_seen = CASE WHEN excluded.first_seen < privacy_fieldevent.first_seen
             THEN excluded.first_seen ELSE privacy_fieldevent.first_seen END,
last_seen = CASE WHEN excluded.last_seen > privacy_fieldevent.last_seen
            THEN excluded.last_seen ELSE privacy_fieldevent.last_seen END
"""


def add_counts(seen: Mapping[Where, Seen], keys: Mapping[Field, uuid.UUID]) -> None:
    """Add to the counts of the fields whose rows `keys` names.

    Rows are taken in one order, so that two workers never wait for each other in a circle.
    """
    hours: defaultdict[tuple[Any, ...], int] = defaultdict(int)
    events: dict[tuple[Any, ...], tuple[datetime, datetime, int]] = {}
    for where, each in seen.items():
        for field, count in each.counts.items():
            if field not in keys:
                continue
            pk = keys[field]
            hours[pk, where.source_id, where.hour] += count
            key = (pk, where.source_id, where.event_type, where.event)
            first, last, before = events.get(key, (each.first, each.last, 0))
            events[key] = (min(first, each.first), max(last, each.last), before + count)
    with connection.cursor() as cursor:
        if hours:
            cursor.executemany(ADD_HOUR, [_hour_row(key, hours[key]) for key in sorted(hours)])
        if events:
            cursor.executemany(ADD_EVENT, [_event_row(key, events[key]) for key in sorted(events)])


def _prepared(model: type[models.Model], name: str, value: Any) -> Any:
    """A value in the database's own form."""
    column: models.Field[Any, Any] = model._meta.get_field(name)  # type: ignore[assignment]
    return column.get_db_prep_value(value, connection)


def _hour_row(key: tuple[Any, ...], count: int) -> tuple[Any, ...]:
    pk, source_id, hour = key
    return (
        _prepared(ObservedField, "id", pk),
        _prepared(Source, "id", source_id),
        _prepared(FieldHour, "hour", hour),
        count,
    )


def _event_row(key: tuple[Any, ...], told: tuple[datetime, datetime, int]) -> tuple[Any, ...]:
    pk, source_id, event_type, event = key
    first, last, count = told
    return (
        _prepared(ObservedField, "id", pk),
        _prepared(Source, "id", source_id),
        event_type,
        event,
        _prepared(FieldEvent, "first_seen", first),
        _prepared(FieldEvent, "last_seen", last),
        count,
    )
