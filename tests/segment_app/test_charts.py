"""Bars stay inside the drawing and keep their proportions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_app.charts import HEIGHT, MAX_TICKS, WIDTH, bar_chart, round_up


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
