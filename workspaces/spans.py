"""Stretches of time that a page's counts are asked for, in UTC. Pure.

Counts are kept by the hour of receipt, and for some hours by the minute: a stretch of an hour or less begins and ends
with a minute, any other with an hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LONGEST = timedelta(days=14)  # documented
OLDEST = timedelta(days=90)  # how far back a stretch may begin
KEPT = OLDEST + LONGEST + DAY  # hourly counts: of the oldest stretch, from midnight, and of the one before it
HOURLY = timedelta(days=2)  # stretches up to here are drawn by the hour
LENGTHS = {
    "minutes": ("Last 10 minutes", 10 * MINUTE),
    "hour": ("Last hour", HOUR),
    "day": ("Last 24 hours", DAY),
    "week": ("Last 7 days", 7 * DAY),
    "fortnight": ("Last 2 weeks", LONGEST),
}


class BadSpan(ValueError):
    """Two dates that do not make a stretch; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time; `until` is exclusive. `name` is its key in the query, empty for chosen dates."""

    name: str
    label: str
    since: datetime
    until: datetime

    @property
    def before(self) -> datetime:
        """When the equal stretch before this one begins."""
        return self.since - (self.until - self.since)

    @property
    def is_fine(self) -> bool:
        """Whether it is counted by the minute."""
        return self.until - self.since <= HOUR

    @property
    def step(self) -> timedelta:
        """How long one point of a drawing lasts."""
        if self.is_fine:
            return MINUTE
        return HOUR if self.until - self.since <= HOURLY else DAY

    @property
    def labels(self) -> list[str]:
        """What a chart calls each point."""
        return [f"{start:%H:%M}" if self.step < DAY else f"{start:%b %d}" for start in self.steps]

    @property
    def steps(self) -> list[datetime]:
        """When each point begins."""
        return [self.since + number * self.step for number in range(-(-(self.until - self.since) // self.step))]


def span_of(query: Mapping[str, str], *, now: datetime) -> Span:
    """The stretch that is asked for, the last 24 hours by default; raises BadSpan for dates that make none."""
    if query.get("since") or query.get("until"):
        return _of_dates(query.get("since", ""), query.get("until", ""), oldest=(now - OLDEST).date())
    name = query.get("period", "")
    name = name if name in LENGTHS else "day"
    label, length = LENGTHS[name]
    if length <= HOUR:
        until = now.replace(second=0, microsecond=0) + MINUTE
    else:
        until = now.replace(minute=0, second=0, microsecond=0) + HOUR
    return Span(name, label, until - length, until)


def _of_dates(since: str, until: str, *, oldest: date) -> Span:
    try:
        first, last = date.fromisoformat(since), date.fromisoformat(until)
    except ValueError:
        raise BadSpan("Give both dates, such as 2026-03-09.") from None
    begin = datetime.combine(first, time(), UTC)
    end = datetime.combine(last, time(), UTC) + DAY
    if not timedelta(0) < end - begin <= LONGEST:
        raise BadSpan("Choose at most two weeks, the first day before the last.")
    if first < oldest:
        raise BadSpan(f"Counts are kept for {OLDEST.days} days. Choose days from {oldest} on.")
    return Span("", f"{first} to {last}", begin, end)
