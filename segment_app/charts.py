"""Geometry of the bar chart: pure arithmetic, drawn by `templates/components/bars.html`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1000, 164
MAX_TICKS = 8
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


def bar_chart(series: Sequence[tuple[str, int]]) -> BarChart:
    """Lay out (label, count) pairs from left to right."""
    top = round_up(max((value for _, value in series), default=0))
    slot = WIDTH / max(len(series), 1)
    bars = [_bar(index, slot, top, label, value) for index, (label, value) in enumerate(series)]
    labels = [label for label, _ in series]
    scale = [top, top // 2, 0] if top > 1 else [1, 0]
    return BarChart(bars, scale, _ticks(labels), sum(value for _, value in series))


def round_up(value: int) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50, ... that is not below `value`."""
    power: int = 10 ** (len(str(max(value, 1))) - 1)
    return next(step * power for step in _STEPS if step * power >= value)


def _bar(index: int, slot: float, top: int, label: str, value: int) -> Bar:
    # A count that is not zero stays visible beside a much larger one.
    height = max(HEIGHT * value / top, 2.0) if value else 0.0
    gap = slot * 0.2
    return Bar(label, value, round(index * slot + gap / 2, 2), round(HEIGHT - height, 2), round(slot - gap, 2), height)


def _ticks(labels: Sequence[str]) -> Sequence[str]:
    step = -(-len(labels) // MAX_TICKS) or 1
    return labels[::step]
