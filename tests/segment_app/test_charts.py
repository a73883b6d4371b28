"""Bars stay inside the drawing and keep their proportions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_app.charts import HEIGHT, MAX_TICKS, WIDTH, bar_chart, round_up, stacked_chart


@given(st.lists(st.integers(0, 10**9), max_size=200))
def test_bars_fit(values: list[int]) -> None:
    chart = bar_chart([(str(index), value) for index, value in enumerate(values)])
    assert len(chart.bars) == len(values)
    assert chart.total == sum(values)
    assert len(chart.ticks) <= MAX_TICKS
    for bar in chart.bars:
        assert bar.x >= 0
        assert bar.x + bar.width <= WIDTH + 0.1
        assert bar.y == pytest.approx(HEIGHT - bar.height, abs=0.01)
        assert 0 <= bar.height <= HEIGHT
        assert (bar.height > 0) == (bar.value > 0)


@given(st.integers(1, 10**12))
def test_the_scale_is_round_and_close(value: int) -> None:
    top = round_up(value)
    assert value <= top <= value * 2.5
    assert str(top).rstrip("0") in {"1", "2", "5"}


def test_known_layout() -> None:
    chart = bar_chart([("Mon", 50), ("Tue", 100)])
    assert [(bar.x, bar.y, bar.width, bar.height) for bar in chart.bars] == [(50, 82, 400, 82), (550, 0, 400, 164)]
    assert chart.scale == [100, 50, 0]


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=40))
def test_the_line_goes_from_total_to_total(counts: list[tuple[int, int]]) -> None:
    labels = [str(place) for place in range(len(counts))]
    chart = stacked_chart(labels, [("a", [a for a, _ in counts]), ("b", [b for _, b in counts])])
    assert [row.total for row in chart.rows] == [a + b for a, b in counts]
    assert chart.total == sum(row.total for row in chart.rows)
    numbers = [tuple(map(float, pair.split(","))) for pair in chart.line.replace("M", "").replace("C", "").split()]
    assert len(numbers) == (3 * len(counts) - 2 if len(counts) > 1 else 0)
    for place, (x, y) in enumerate(numbers[::3]):
        assert x == pytest.approx((place + 0.5) * WIDTH / len(counts), abs=0.01)
        assert y == pytest.approx(HEIGHT - HEIGHT * chart.rows[place].total / chart.scale[0], abs=0.01)
    for before, leaving, arriving, after in zip(
        numbers[::3], numbers[1::3], numbers[2::3], numbers[3::3], strict=False
    ):
        assert (leaving[1], arriving[1]) == (before[1], after[1])  # level at each bar: it stays between the two


def test_known_line() -> None:
    chart = stacked_chart(["Mon", "Tue"], [("a", [50, 80]), ("b", [0, 20])])
    assert chart.line == "M250.0,82.0 C500.0,82.0 500.0,0.0 750.0,0.0"
    assert stacked_chart(["Mon"], [("a", [50])]).line == ""
