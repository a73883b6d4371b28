"""How many events came in and what became of them: hourly counts, added to by the worker and summed for the pages."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet, Sum
from django.utils import timezone

from workspaces import name_breakdown, name_counts
from workspaces.models import EventCount, EventNameCount, Source
from workspaces.pipeline_steps import RECEIVED, Reason, Step, Tally
from workspaces.spans import Span

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

# What is counted under: (source id, the minute's start, event type, `received` or a discard code, event name).
CountKey = tuple[uuid.UUID, datetime, str, str, str]
HourKey = tuple[uuid.UUID, datetime, str, str]

UPSERT = """
INSERT INTO workspaces_eventcount (source_id, hour, event_type, outcome, count) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (source_id, hour, event_type, outcome) DO UPDATE SET count = workspaces_eventcount.count + excluded.count
"""


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of equal steps that ends now, in UTC: its starts, and how a chart labels them."""

    starts: tuple[datetime, ...]
    label: str  # strftime

    @property
    def series_labels(self) -> list[str]:
        """One label for each step."""
        return [f"{start:{self.label}}" for start in self.starts]


@dataclass(frozen=True, slots=True)
class Counts:
    """Events of a period: received for each step, and the discarded by reason, most frequent first."""

    received_series: list[tuple[str, int]]
    discards: list[tuple[str, int]] = field(default_factory=list)

    @property
    def received(self) -> int:
        """All that was taken."""
        return sum(count for _, count in self.received_series)

    @property
    def discarded(self) -> int:
        """All that was not."""
        return sum(count for _, count in self.discards)


def last_days(days: int) -> Period:
    """Today and the days before it."""
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return Period(tuple(today - DAY * back for back in reversed(range(days))), "%b %d")


def last_hours(hours: int) -> Period:
    """The current hour and the hours before it."""
    this = timezone.now().replace(minute=0, second=0, microsecond=0)
    return Period(tuple(this - HOUR * back for back in reversed(range(hours))), "%H:%M")


def of_sources(sources: QuerySet[Source], period: Period) -> Counts:
    """Counts of all these sources together; one query."""
    return _sum(EventCount.objects.filter(source__in=sources), period)


def tally(source_id: uuid.UUID, span: Span) -> Tally:
    """What came in at one source in the span and in the one before, for its pipeline; one query."""
    if span.is_fine:
        return Tally(span, name_breakdown.without_names(EventNameCount.objects.filter(source=source_id), span))
    rows = EventCount.objects.filter(source=source_id, hour__gte=span.before, hour__lt=span.until)
    return Tally(span, rows.values_list("hour", "event_type", "outcome", "count"))


def names(source_id: uuid.UUID, step: Step, span: Span) -> list[Reason]:
    """One step's events of one source by their names; one query."""
    return name_breakdown.of_step(EventNameCount.objects.filter(source=source_id), step, span)


def _sum(rows: QuerySet[EventCount], period: Period) -> Counts:
    step = _step_of(period)
    received: Counter[datetime] = Counter()
    discards: Counter[str] = Counter()
    sums = rows.filter(hour__gte=period.starts[0]).values("hour", "outcome").annotate(events=Sum("count")).order_by()
    for row in sums:
        if row["outcome"] == RECEIVED:
            received[step(row["hour"])] += row["events"]
        else:
            discards[row["outcome"]] += row["events"]
    counts = [received[start] for start in period.starts]
    return Counts(list(zip(period.series_labels, counts, strict=True)), discards.most_common())


def _step_of(period: Period) -> Callable[[datetime], datetime]:
    daily = len(period.starts) > 1 and period.starts[1] - period.starts[0] == DAY
    return (lambda hour: hour.replace(hour=0)) if daily else (lambda hour: hour)


def add_counts(counts: Mapping[CountKey, int]) -> None:
    """Add to the counts by hour and by name, in the caller's transaction. Those of a source that is gone are left out.

    Rows are taken in one order, so that two workers never wait for each other in a circle.
    """
    known = set(Source.objects.filter(pk__in={key[0] for key in counts}).values_list("pk", flat=True))
    kept = Counter({key: count for key, count in counts.items() if key[0] in known and count})
    rows = [_row(key, count) for key, count in sorted(name_counts.by_hour(kept).items())]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(UPSERT, rows)
        name_counts.add(EventNameCount._meta.db_table, "source", kept)


def _row(key: HourKey, count: int) -> tuple[Any, ...]:
    """The values in the database's own form."""
    source_id, hour, event_type, outcome = key
    return (
        Source._meta.pk.get_db_prep_value(source_id, connection),
        EventCount._meta.get_field("hour").get_db_prep_value(hour, connection),
        event_type,
        outcome,
        count,
    )
