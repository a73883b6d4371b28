"""How often a field was removed from a source's events: added to by the worker, by hour."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from privacy.models import BlockedCount
from workspaces.models import Source

# What is counted under: (source id, the hour's start, the inventory field's name).
BlockedKey = tuple[uuid.UUID, datetime, str]

UPSERT = """
INSERT INTO privacy_blockedcount (source_id, hour, field, count) VALUES (%s, %s, %s, %s)
ON CONFLICT (source_id, hour, field) DO UPDATE SET count = privacy_blockedcount.count + excluded.count
"""


def add_blocked(counts: Mapping[BlockedKey, int]) -> None:
    """Add to the hours' counts, in the caller's transaction. Counts of a source that is gone are left out.

    Rows are taken in one order, so that two workers never wait for each other in a circle.
    """
    if not counts:
        return
    known = set(Source.objects.filter(pk__in={key[0] for key in counts}).values_list("pk", flat=True))
    rows = [_row(key, count) for key, count in sorted(counts.items()) if key[0] in known]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(UPSERT, rows)


def _row(key: BlockedKey, count: int) -> tuple[Any, ...]:
    """The values in the database's own form."""
    source_id, hour, name = key
    return (
        Source._meta.pk.get_db_prep_value(source_id, connection),
        BlockedCount._meta.get_field("hour").get_db_prep_value(hour, connection),
        name,
        count,
    )
