"""Nine tries within four hours, whatever is drawn."""

from hypothesis import given
from hypothesis import strategies as st

from destinations.delivery.backoff import MAX_ATTEMPTS, WINDOW_SECONDS, ceiling, next_delay

draws = st.floats(min_value=0, max_value=1, exclude_max=True)


def schedule(numbers: list[float]) -> list[float]:
    """Seconds after the first try at which each retry falls."""
    at: list[float] = []
    elapsed = 0.0
    for made, draw in enumerate(numbers, 1):
        delay = next_delay(attempts_made=made, elapsed=elapsed, draw=draw)
        if delay is None:
            return at
        elapsed += delay
        at.append(elapsed)
    return at


@given(st.lists(draws, min_size=20, max_size=20))
def test_there_are_nine_tries_and_the_last_is_within_four_hours(numbers: list[float]) -> None:
    at = schedule(numbers)
    assert len(at) == MAX_ATTEMPTS - 1
    assert at[-1] < WINDOW_SECONDS


@given(st.integers(1, 8), draws)
def test_the_jitter_is_full(made: int, draw: float) -> None:
    assert next_delay(attempts_made=made, elapsed=0, draw=draw) == draw * ceiling(made)


def test_ceilings_double() -> None:
    assert [ceiling(made) for made in range(1, 9)] == [56, 112, 224, 448, 896, 1792, 3584, 7168]


def test_the_ninth_failure_is_the_last() -> None:
    assert next_delay(attempts_made=9, elapsed=0, draw=0.5) is None


@given(st.floats(min_value=WINDOW_SECONDS, max_value=1e9), draws)
def test_nothing_is_retried_after_the_window(elapsed: float, draw: float) -> None:
    assert next_delay(attempts_made=1, elapsed=elapsed, draw=draw) is None


@given(draws, st.floats(min_value=0, max_value=WINDOW_SECONDS))
def test_retry_after_is_the_least_wait(draw: float, retry_after: float) -> None:
    delay = next_delay(attempts_made=1, elapsed=0, draw=draw, retry_after=retry_after)
    assert delay == max(draw * 56, retry_after)


@given(st.floats(min_value=0, max_value=WINDOW_SECONDS), st.floats(min_value=1, max_value=1e9), draws)
def test_a_retry_after_beyond_the_window_ends_the_tries(elapsed: float, beyond: float, draw: float) -> None:
    retry_after = WINDOW_SECONDS - elapsed + beyond
    assert next_delay(attempts_made=1, elapsed=elapsed, draw=draw, retry_after=retry_after) is None


@given(st.integers(1, 8), st.floats(min_value=0, max_value=WINDOW_SECONDS - 1), draws, st.floats(-10, 1e6))
def test_a_retry_never_falls_outside_the_window(made: int, elapsed: float, draw: float, retry_after: float) -> None:
    delay = next_delay(attempts_made=made, elapsed=elapsed, draw=draw, retry_after=retry_after)
    assert delay is None or 0 <= delay <= WINDOW_SECONDS - elapsed
