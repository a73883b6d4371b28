"""Geometry of charts: pure arithmetic, drawn by `bars.html`, `stacked_bars.html` and their like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

WIDTH, HEIGHT = 1000, 164
MAX_TICKS = 8
COLOURS = 6  # of series in one chart: static/css/charts.css
_STEPS = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Bar:
    """One mark, in units of the drawing: left edge, top edge, width, height."""

    label: str
    value: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class BarChart:
    """A chart ready to draw. `scale` counts from the top down to 0; `ticks` are labels spread evenly below."""

    bars: Sequence[Bar]
    scale: Sequence[int]
    ticks: Sequence[str]
    total: int


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a stacked bar; `colour` counts the series, from 0, and begins again after `COLOURS`."""

    bar: Bar
    series: str
    colour: int


@dataclass(frozen=True, slots=True)
class Row:
    """The numbers of one bar as a table has them: one for each series."""

    label: str
    values: Sequence[int]

    @property
    def total(self) -> int:
        """Of all series."""
        return sum(self.values)


@dataclass(frozen=True, slots=True)
class StackedChart:
    """A chart of bars made of parts, ready to draw; `rows` are the same numbers for screen readers.

    `line` is an SVG path from the middle of each bar's top to the next one's; empty where there are less than two bars.
    """

    parts: Sequence[Part]
    line: str
    rows: Sequence[Row]
    series: Sequence[str]
    scale: Sequence[int]
    ticks: Sequence[str]
    total: int


def stacked_chart(labels: Sequence[str], series: Sequence[tuple[str, Sequence[int]]]) -> StackedChart:
    """Lay out bars from left to right, each made of one part for each (name, counts) of `series`, the first below."""
    rows = [Row(label, [counts[place] for _, counts in series]) for place, label in enumerate(labels)]
    top = round_up(max((row.total for row in rows), default=0))
    slot = WIDTH / max(len(rows), 1)
    parts = []
    for place, row in enumerate(rows):
        below = 0
        for number, (value, (name, _)) in enumerate(zip(row.values, series, strict=True)):
            if value:
                parts.append(Part(_bar(place, slot, top, row.label, value, below=below), name, number % COLOURS))
                below += value
    totals, names = [row.total for row in rows], [name for name, _ in series]
    return StackedChart(parts, _line(totals, slot, top), rows, names, _scale(top), _ticks(labels), sum(totals))


def _line(totals: Sequence[int], slot: float, top: int) -> str:
    """A smooth line over the bars: level at each of them, so that between two it is never above or below both."""
    points = [
        (round((place + 0.5) * slot, 2), round(HEIGHT - HEIGHT * value / top, 2)) for place, value in enumerate(totals)
    ]
    curves = [
        f"C{round((x + after) / 2, 2)},{y} {round((x + after) / 2, 2)},{below} {after},{below}"
        for (x, y), (after, below) in pairwise(points)
    ]
    return " ".join([f"M{points[0][0]},{points[0][1]}", *curves]) if curves else ""


def bar_chart(series: Sequence[tuple[str, int]]) -> BarChart:
    """Lay out (label, count) pairs from left to right."""
    top = round_up(max((value for _, value in series), default=0))
    slot = WIDTH / max(len(series), 1)
    bars = [_bar(index, slot, top, label, value) for index, (label, value) in enumerate(series)]
    labels = [label for label, _ in series]
    return BarChart(bars, _scale(top), _ticks(labels), sum(value for _, value in series))


def sparkline_points(values: Sequence[int], *, width: int, height: int) -> str:
    """The points of a line through the values, for an SVG polyline; flat at the foot where all are 0."""
    top, gaps = max(values, default=0) or 1, max(len(values) - 1, 1)
    lone = [*values, *values] if len(values) == 1 else values
    return " ".join(
        f"{round(place * width / gaps, 1)},{round(height - 1 - (height - 2) * value / top, 1)}"
        for place, value in enumerate(lone)
    )


def round_up(value: int) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50, ... that is not below `value`."""
    power: int = 10 ** (len(str(max(value, 1))) - 1)
    return next(step * power for step in _STEPS if step * power >= value)


def _scale(top: int) -> Sequence[int]:
    return [top, top // 2, 0] if top > 1 else [1, 0]


def _bar(index: int, slot: float, top: int, label: str, value: int, *, below: int = 0) -> Bar:
    # A count that is not zero stays visible beside a much larger one.
    height = max(HEIGHT * value / top, 2.0) if value else 0.0
    gap = slot * 0.2
    foot = HEIGHT * below / top
    return Bar(
        label, value, round(index * slot + gap / 2, 2), round(HEIGHT - foot - height, 2), round(slot - gap, 2), height
    )


def _ticks(labels: Sequence[str]) -> Sequence[str]:
    step = -(-len(labels) // MAX_TICKS) or 1
    return labels[::step]
