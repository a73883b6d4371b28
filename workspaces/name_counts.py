"""Counts by the name of the event: how names are bounded, how old minutes become hours, and when both go.

Rows of the last hours stand for a minute of receipt, so that *Last 10 minutes* can be counted; older ones for an hour.
Senders choose the names, so one source's are bounded in each hour.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone

MINUTE = timedelta(minutes=1)
FINE = timedelta(hours=3)  # what came in before is written to its hour
# Minutes are gathered some time after workers write to them no more, so that neither waits for the other.
GATHERED_AFTER = FINE + timedelta(minutes=15)
LOOKS_BACK = timedelta(days=2)  # for minutes left over by a worker that stood still
KEPT = timedelta(days=30)  # at most; a workspace's retention may be shorter
CHUNK = 2000
MOST_NAMES = 1000  # of one source in one hour
MOST_HELD = 200_000  # names in one worker's memory
OTHER_NAMES = "(other names)"

Key = tuple[uuid.UUID, datetime, str, str, str]  # source or destination, minute, event type, outcome, event name


class Names:
    """The names one worker counts under; those beyond the bound of an hour, or of a day, count together."""

    def __init__(self) -> None:
        self._seen: dict[tuple[uuid.UUID, datetime], set[str]] = {}
        self._held = 0

    def of(self, source_id: uuid.UUID, hour: datetime, name: str) -> str:
        """The name, or what stands for the surplus of that source and hour (or day). An empty one stays empty."""
        if not name:
            return name
        known = self._seen.get((source_id, hour))
        if known is None:
            if self._held > MOST_HELD:
                self._seen, self._held = {}, 0
            known = self._seen[source_id, hour] = set()
        if name in known:
            return name
        if len(known) >= MOST_NAMES:
            return OTHER_NAMES
        known.add(name)
        self._held += 1
        return name


def slot_of(minute: datetime, now: datetime) -> datetime:
    """What an event of that minute counts under: the minute, or its hour once that is some hours ago."""
    return minute if minute >= now - FINE else minute.replace(minute=0)


def by_hour(rows: Mapping[Key, int]) -> Counter[tuple[uuid.UUID, datetime, str, str]]:
    """The same counts without names, by the hour."""
    hours = Counter[tuple[uuid.UUID, datetime, str, str]]()
    for (owner_id, minute, event_type, outcome, _), count in rows.items():
        hours[owner_id, minute.replace(minute=0), event_type, outcome] += count
    return hours


def add(table: str, owner: str, rows: Mapping[Key, int]) -> None:
    """Add to a table of counts, keyed by owner, minute, event type, outcome and name; in the caller's transaction.

    Amounts may be negative. Rows are taken in one order, so that two workers never wait for each other in a circle.
    """
    now, slots = timezone.now(), Counter[Key]()
    for (owner_id, minute, *rest), count in rows.items():
        slots[owner_id, slot_of(minute, now), rest[0], rest[1], rest[2]] += count
    columns = f"{owner}_id, since, event_type, outcome, event"
    sql = (
        f"INSERT INTO {table} ({columns}, count) VALUES (%s, %s, %s, %s, %s, %s) "  # noqa: S608  (names of models)
        f"ON CONFLICT ({columns}) DO UPDATE SET count = {table}.count + excluded.count"
    )
    if slots:
        with connection.cursor() as cursor:
            cursor.executemany(sql, [_plain(key, slots[key]) for key in sorted(slots)])


def _plain(key: Key, count: int) -> tuple[Any, ...]:
    """The values in the database's own form: SQLite has neither UUIDs nor moments."""
    if connection.vendor == "postgresql":
        return (*key, count)
    return (key[0].hex, key[1].astimezone(UTC).isoformat(" ")[: -len("+00:00")], *key[2:], count)


def gather(model: type[models.Model], owner: str) -> int:
    """Put minutes of some hours ago together into their hours; how many rows went."""
    now, removed = timezone.now(), 0
    begin, end = now - GATHERED_AFTER - LOOKS_BACK, (now - GATHERED_AFTER).replace(minute=0, second=0, microsecond=0)
    old = model._default_manager.filter(since__gte=begin, since__lt=end).exclude(since__minute=0)
    while some := _gather_some(model, owner, old):
        removed += some
    return removed


@transaction.atomic
def _gather_some(model: type[models.Model], owner: str, old: models.QuerySet[Any]) -> int:
    locked = old.select_for_update(skip_locked=True, of=("self",)).order_by("pk")[:CHUNK]
    rows = list(locked.values_list("pk", f"{owner}_id", "since", "event_type", "outcome", "event", "count"))
    hours = Counter[Key]()
    for _, owner_id, since, event_type, outcome, event, count in rows:
        hours[owner_id, since.replace(minute=0), event_type, outcome, event] += count
    model._default_manager.filter(pk__in=[row[0] for row in rows]).delete()
    add(model._meta.db_table, owner, hours)
    return len(rows)
