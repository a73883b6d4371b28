"""The numbers of Event Delivery: what became of a destination's events, and how long they took."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, Sum

from destinations.delivery.latency import percentile
from destinations.models import Delivery, DeliveryCount, DeliveryLatency, Destination
from destinations.reports.outcomes import DELIVERED, RETRIED, UNSUPPORTED, is_failure
from workspaces.event_counts import Period, last_days, last_hours

P95 = 0.95
DAY = timedelta(days=1)
# By its name in the query: what the page calls it, and the stretch itself.
PERIODS: dict[str, tuple[str, Callable[[], Period]]] = {
    "day": ("Past 24 Hours", lambda: last_hours(24)),
    "week": ("Past 7 Days", lambda: last_days(7)),
}


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of the chart; `source` is the name it goes by there."""

    source: str
    counts: Sequence[int]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Events received in the period, by what became of them. `waiting` and `held` have not come to an end yet."""

    labels: Sequence[str]
    first_try: Series
    on_retry: Series
    failed: Series
    unsupported: int
    waiting: int
    held: int
    p95: int | None  # ms
    p95_series: Sequence[tuple[str, int]]

    @property
    def series(self) -> list[Series]:
        """What the chart stacks, from below."""
        return [self.first_try, self.on_retry, self.failed]


def numbers(destination: Destination, period: Period) -> Numbers:
    """All of them; three queries, each on an index of the destination."""
    ends = _ends(destination, period)
    latencies = _latencies(destination, period)
    left = open_ones(destination, period.starts[0])
    labels = period.series_labels
    by_step = [percentile(latencies[start], P95) or 0 for start in period.starts]
    return Numbers(
        labels=labels,
        first_try=_series("Delivered on first try", ends, period, lambda outcome: outcome == DELIVERED),
        on_retry=_series("Delivered on retry", ends, period, lambda outcome: outcome == RETRIED),
        failed=_series("Failed events", ends, period, is_failure),
        unsupported=sum(count[UNSUPPORTED] for count in ends.values()),
        waiting=left["waiting"],
        held=left["held"],
        p95=percentile(sum(latencies.values(), Counter()), P95),
        p95_series=list(zip(labels, by_step, strict=True)),
    )


def open_ones(destination: Destination, since: datetime, until: datetime | None = None) -> dict[str, int]:
    """How many events received since then wait for a try, and how many are held."""
    rows = Delivery.objects.filter(destination=destination, replay=None, received_at__gte=since)
    rows = rows.filter(received_at__lt=until) if until else rows
    waits = Q(status__in=[Delivery.Status.WAITING, Delivery.Status.QUEUED])
    # Both states are short lists of an index, whatever was delivered and given up before.
    rows = rows.filter(waits | Q(status=Delivery.Status.HELD))
    return rows.aggregate(waiting=Count("id", filter=waits), held=Count("id", filter=~waits))


def step_of(moment: datetime, period: Period) -> datetime:
    """The step of the period that an hour belongs to."""
    steps = period.starts
    daily = len(steps) > 1 and steps[1] - steps[0] == DAY
    return moment.replace(hour=0) if daily else moment


def _ends(destination: Destination, period: Period) -> dict[datetime, Counter[str]]:
    rows = DeliveryCount.objects.filter(destination=destination, hour__gte=period.starts[0])
    found: defaultdict[datetime, Counter[str]] = defaultdict(Counter)
    for hour, outcome, events in rows.values_list("hour", "outcome").annotate(events=Sum("count")).order_by():
        found[step_of(hour, period)][outcome] += events
    return found


def _latencies(destination: Destination, period: Period) -> dict[datetime, Counter[int]]:
    rows = DeliveryLatency.objects.filter(destination=destination, hour__gte=period.starts[0])
    found: defaultdict[datetime, Counter[int]] = defaultdict(Counter)
    for hour, bucket, count in rows.values_list("hour", "bucket", "count"):
        found[step_of(hour, period)][bucket] += count
    return found


def _series(name: str, ends: dict[datetime, Counter[str]], period: Period, belongs: Callable[[str], bool]) -> Series:
    def of(start: datetime) -> int:
        return sum(count for outcome, count in ends.get(start, Counter()).items() if belongs(outcome))

    return Series(name, [of(start) for start in period.starts])


def in_words(milliseconds: int | None) -> str:
    """A duration as the page shows it: `85ms`, `1.2s`, `7s`, `3min`; a dash where there is none."""
    if milliseconds is None:
        return "–"  # noqa: RUF001  (a dash, as in the tables)
    if milliseconds < 1000:  # noqa: PLR2004
        return f"{milliseconds}ms"
    seconds = milliseconds / 1000
    if seconds < 10:  # noqa: PLR2004
        return f"{seconds:.1f}".removesuffix(".0") + "s"
    if seconds < 120:  # noqa: PLR2004
        return f"{seconds:.0f}s"
    return f"{seconds / 60:.0f}min" if seconds < 7200 else f"{seconds / 3600:.0f}h"  # noqa: PLR2004
