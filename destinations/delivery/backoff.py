"""When a failed delivery is tried again: nine tries within four hours, randomised exponential (documented).

Full jitter: the wait before a retry is drawn evenly from zero to a ceiling that doubles each time. The ceilings add up to
less than the window, so the last try falls inside it whatever is drawn.
"""

from __future__ import annotations

MAX_ATTEMPTS = 9
WINDOW_SECONDS = 4 * 60 * 60
FIRST_CEILING_SECONDS = 56  # 56 * (1 + 2 + ... + 128) = 14,280 s, two minutes under four hours


def ceiling(attempts_made: int) -> float:
    """The longest wait, in seconds, after `attempts_made` tries (1 or more)."""
    return float(FIRST_CEILING_SECONDS * 2 ** (attempts_made - 1))


def next_delay(*, attempts_made: int, elapsed: float, draw: float, retry_after: float | None = None) -> float | None:
    """Seconds until the next try, or None where there is none to come.

    `elapsed` is the time since the first try, `draw` an even random number in [0, 1). A receiver's `Retry-After` (seconds)
    puts the retry off at least that long; one that reaches past the window ends the tries.
    """
    left = WINDOW_SECONDS - elapsed
    wished = max(retry_after or 0.0, 0.0)
    if attempts_made >= MAX_ATTEMPTS or left <= 0 or wished > left:
        return None
    return min(max(draw * ceiling(attempts_made), wished), left)
