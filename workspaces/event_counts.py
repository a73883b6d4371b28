"""How many events came in and what became of them, summed from the hourly counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import QuerySet, Sum
from django.utils import timezone

from workspaces.models import EventCount, Source, Workspace

RECEIVED = "received"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


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


def of_workspace(workspace: Workspace, period: Period) -> Counts:
    """Counts of every source of the workspace; one query."""
    return _sum(EventCount.objects.filter(source__workspace=workspace), period)


def of_source(source: Source, period: Period) -> Counts:
    """Counts of one source; one query."""
    return _sum(source.event_counts.all(), period)


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
