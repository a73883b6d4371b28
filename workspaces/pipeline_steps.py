"""The numbers of a pipeline view: how many events reached each step in a span, and in the one before. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from workspaces import discard_reasons
from workspaces.spans import Span

RECEIVED = "received"
SOURCE_STEPS = frozenset({"received", "ingest", "source"})  # keys of what happens before any destination
# Dropped on purpose, by a control or as a repetition; is_any else that was not taken failed (documented codes).
FILTERED_AT_SOURCE = frozenset(
    {
        "common_schema_violation",
        "event_setting",
        "schema_violation",
        "unplanned",
        "unplanned_and_schema_violation",
        "suppressed_user",
        "deleted_user",
        "duplicate",
    }
)

Row = tuple[datetime, str, str, int]  # hour or minute, event type, outcome, how many
Belongs = Callable[[str], bool]  # asked of an outcome


class Tally:
    """Counts of one span and of the one before it."""

    def __init__(self, span: Span, rows: Iterable[Row]) -> None:
        self.span = span
        self._now: Counter[tuple[datetime, str, str]] = Counter()
        self._before: Counter[tuple[str, str]] = Counter()
        for hour, event_type, outcome, count in rows:
            if hour < span.since:
                self._before[event_type, outcome] += count
            else:
                self._now[hour, event_type, outcome] += count

    def total(self, belongs: Belongs) -> int:
        """Events with these outcomes."""
        return sum(count for (_, _, outcome), count in self._now.items() if belongs(outcome))

    def earlier(self, belongs: Belongs) -> int:
        """The same in the span before."""
        return sum(count for (_, outcome), count in self._before.items() if belongs(outcome))

    def outcomes(self, belongs: Belongs) -> frozenset[str]:
        """Which outcomes occurred, in the span or before."""
        found = {key[-1] for key in self._now} | {key[-1] for key in self._before}
        return frozenset(outcome for outcome in found if belongs(outcome))

    def series(self, belongs: Belongs) -> list[int]:
        """The same for each step of the span."""
        found = [0] * len(self.span.steps)
        for (hour, _, outcome), count in self._now.items():
            if belongs(outcome):
                found[(hour - self.span.since) // self.span.step] += count
        return found

    def by_outcome(self, belongs: Belongs) -> dict[str, tuple[int, int]]:
        """By outcome: events of the span, and of the one before."""
        now: Counter[str] = Counter()
        for (_, _, outcome), count in self._now.items():
            now[outcome] += count
        before: Counter[str] = Counter()
        for (_, outcome), count in self._before.items():
            before[outcome] += count
        return {key: (now[key], before[key]) for key in {*now, *before} if belongs(key) and now[key]}

    def by_type(self, belongs: Belongs) -> dict[str, tuple[int, int]]:
        """By event type: events of the span, and of the one before."""
        now: Counter[str] = Counter()
        for (_, event_type, outcome), count in self._now.items():
            now[event_type] += count if belongs(outcome) else 0
        before: Counter[str] = Counter()
        for (event_type, outcome), count in self._before.items():
            before[event_type] += count if belongs(outcome) else 0
        return {key: (count, before[key]) for key, count in now.items() if count}


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of events, the one of the span before, and the whole that each is a part of."""

    count: int
    before: int
    whole: int
    whole_before: int

    @property
    def change(self) -> int:
        """Events more than in the span before, or fewer."""
        return self.count - self.before

    @property
    def percent(self) -> float:
        """Of what was received."""
        return percent(self.count, self.whole)

    @property
    def points(self) -> float:
        """Percentage points more than in the span before, or fewer (documented as `% change`)."""
        return round(self.percent - percent(self.before, self.whole_before), 1)


@dataclass(frozen=True, slots=True)
class Reason:
    """A row below a step: why events stopped there, or which type they are of."""

    name: str
    code: str
    note: str
    figure: Figure


@dataclass(frozen=True, slots=True)
class Step:
    """One card of the pipeline and what stands below it when it is chosen."""

    key: str
    title: str
    text: str  # what its number counts: "events received"
    figure: Figure
    series: Sequence[int]
    reasons: Sequence[Reason]  # empty where events do not stop
    types: Sequence[Reason]
    note: str = ""
    outcomes: frozenset[str] = frozenset()  # that occurred, in the span or the one before
    chart: Sequence[tuple[str, int]] = ()  # the series with what each point is called


def percent(part: int, whole: int) -> float:
    """A share in percent with one digit; 0 of nothing."""
    return round(100 * part / whole, 1) if whole else 0.0


def is_any(_: str) -> bool:
    """All events."""
    return True


def is_received(outcome: str) -> bool:
    """Whether an event of a source was taken."""
    return outcome == RECEIVED


def is_filtered_at_source(outcome: str) -> bool:
    """Whether an event of a source was dropped on purpose."""
    return outcome in FILTERED_AT_SOURCE


def is_failed_on_ingest(outcome: str) -> bool:
    """Whether an event of a source was not taken for what it was."""
    return not is_received(outcome) and not is_filtered_at_source(outcome)


def step_of(
    tally: Tally,
    belongs: Belongs,
    whole: tuple[int, int],
    *,
    key: str,
    name: str,
    text: str,
    reason_of: Callable[[str], tuple[str, str]] | None = None,
    note: str = "",
) -> Step:
    """A step of the events whose outcome belongs to it; `reason_of` gives an outcome's title and what can be done."""

    def figure(counts: tuple[int, int]) -> Figure:
        return Figure(*counts, *whole)

    def rows(counts: Mapping[str, tuple[int, int]]) -> list[tuple[str, Figure]]:
        return [(name, figure(pair)) for name, pair in sorted(counts.items(), key=lambda item: (-item[1][0], item[0]))]

    reasons = rows(tally.by_outcome(belongs)) if reason_of else []
    series = tally.series(belongs)
    return Step(
        key,
        name,
        text,
        figure((tally.total(belongs), tally.earlier(belongs))),
        series,
        [Reason(reason_of(code)[0], code, reason_of(code)[1], found) for code, found in reasons] if reason_of else [],
        [Reason(event_type, "", "", found) for event_type, found in rows(tally.by_type(belongs))],
        note,
        tally.outcomes(belongs),
        list(zip(tally.span.labels, series, strict=True)),
    )


def source_steps(tally: Tally) -> list[Step]:
    """The steps every event of a source passes: received, failed on ingest, filtered at source."""

    def of_ingest(code: str) -> tuple[str, str]:
        return discard_reasons.title(code), discard_reasons.note(code)

    whole = (tally.total(is_any), tally.earlier(is_any))
    return [
        step_of(tally, is_any, whole, key="received", name="Successfully received", text="events received"),
        step_of(
            tally, is_failed_on_ingest, whole, key="ingest", name="Failed on ingest", text="events failed",
            reason_of=of_ingest,
        ),
        step_of(
            tally, is_filtered_at_source, whole, key="source", name="Filtered at source", text="events filtered",
            reason_of=of_ingest,
        ),
    ]  # fmt: skip
