"""Counts by hour: how many events of a source were received and how many were discarded, and why."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from workspaces.models import EventCount, Source

# What is counted under: (source id, the hour's start, event type, `received` or a discard code).
CountKey = tuple[uuid.UUID, datetime, str, str]

UPSERT = """
INSERT INTO workspaces_eventcount (source_id, hour, event_type, outcome, count) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (source_id, hour, event_type, outcome) DO UPDATE SET count = workspaces_eventcount.count + excluded.count
"""


def add_counts(counts: Mapping[CountKey, int]) -> None:
    """Add to the hours' counts, in the caller's transaction. Counts of a source that is gone are left out.

    Rows are taken in one order, so that two workers never wait for each other in a circle.
    """
    known = set(Source.objects.filter(pk__in={key[0] for key in counts}).values_list("pk", flat=True))
    rows = [_row(key, count) for key, count in sorted(counts.items()) if key[0] in known and count]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(UPSERT, rows)


def _row(key: CountKey, count: int) -> tuple[Any, ...]:
    """The values in the database's own form."""
    source_id, hour, event_type, outcome = key
    return (
        Source._meta.pk.get_db_prep_value(source_id, connection),
        EventCount._meta.get_field("hour").get_db_prep_value(hour, connection),
        event_type,
        outcome,
        count,
    )
