"""Nine tries within four hours, whatever is drawn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destinations.delivery.backoff import FIRST_CAP, GROWTH, MAX_ATTEMPTS, WINDOW, next_try, one_draw

FIRST = 1_800_000_000.0
shares = st.floats(min_value=0, max_value=1)


def drawing(share: float):
    """A draw that always lands at this share of its range."""
    return lambda low, high: low + share * (high - low)


def schedule(drawn: list[float]) -> list[float]:
    """When the tries after the first fall, in seconds after it, if each fails at once."""
    at: list[float] = []
    now = FIRST
    for attempts, share in enumerate(drawn, 1):
        found = next_try(attempts=attempts, first_tried=FIRST, now=now, draw=drawing(share))
        if found is None:
            return at
        now = found
        at.append(now - FIRST)
    return at


@given(st.lists(st.floats(min_value=0, max_value=1, exclude_max=True), min_size=20, max_size=20))
def test_there_are_nine_tries_and_the_last_is_within_four_hours(drawn: list[float]) -> None:
    at = schedule(drawn)
    assert len(at) == MAX_ATTEMPTS - 1 == 8
    assert at == sorted(at)
    assert at[-1] < WINDOW == 4 * 60 * 60


def test_caps_grow_threefold_and_fill_the_window() -> None:
    caps = [FIRST_CAP * GROWTH**n for n in range(MAX_ATTEMPTS - 1)]
    assert sum(caps) == pytest.approx(WINDOW)
    assert [round(cap) for cap in caps] == [4, 13, 40, 119, 356, 1067, 3200, 9601]


@given(st.integers(1, 8), shares)
def test_the_jitter_is_full(attempts: int, share: float) -> None:
    cap = FIRST_CAP * GROWTH ** (attempts - 1)
    found = next_try(attempts=attempts, first_tried=FIRST, now=FIRST, draw=drawing(share))
    assert found == pytest.approx(FIRST + share * cap)


def test_the_real_draw_spreads_over_the_whole_cap() -> None:
    waits = [(next_try(attempts=1, first_tried=FIRST, now=FIRST) or 0) - FIRST for _ in range(2000)]
    assert 0 <= min(waits) < FIRST_CAP / 10
    assert FIRST_CAP * 9 / 10 < max(waits) <= FIRST_CAP


def test_what_shared_a_request_draws_once() -> None:
    draw = one_draw()
    first, again = (next_try(attempts=3, first_tried=FIRST, now=FIRST, draw=draw) for _ in range(2))
    assert first == again
    assert draw(0, FIRST_CAP) / FIRST_CAP == pytest.approx(draw(0, 100) / 100)
    assert len({one_draw()(0, 1) for _ in range(20)}) == 20


@given(st.integers(9, 50), shares)
def test_the_ninth_failure_is_the_last(attempts: int, share: float) -> None:
    assert next_try(attempts=attempts, first_tried=FIRST, now=FIRST, draw=drawing(share)) is None


@given(st.integers(0, 8), st.floats(min_value=WINDOW, max_value=1e9), shares)
def test_nothing_is_retried_after_the_window(attempts: int, elapsed: float, share: float) -> None:
    found = next_try(attempts=attempts, first_tried=FIRST, now=FIRST + elapsed, draw=drawing(share))
    assert found is None


@given(shares, st.floats(min_value=0, max_value=WINDOW - 1))
def test_the_wait_begins_when_retry_after_is_over(share: float, asked: float) -> None:
    found = next_try(attempts=1, first_tried=FIRST, now=FIRST, retry_after=asked, draw=drawing(share))
    expected = FIRST + asked + share * FIRST_CAP
    assert found == (expected if expected < FIRST + WINDOW else None)


@given(st.floats(min_value=0, max_value=WINDOW), st.floats(min_value=1, max_value=1e9), shares)
def test_a_retry_after_beyond_the_window_ends_the_tries(elapsed: float, beyond: float, share: float) -> None:
    asked = WINDOW - elapsed + beyond
    now = FIRST + elapsed
    assert next_try(attempts=1, first_tried=FIRST, now=now, retry_after=asked, draw=drawing(share)) is None
