"""When a failed delivery is tried again: pure arithmetic, times in seconds since 1970.

Documented: retries for four hours with randomised exponential backoff, nine attempts in all. Full jitter: each wait is
drawn evenly between nothing and its cap, so that deliveries that failed together do not come back together. The caps
grow threefold and add up to the whole window.
"""

from collections.abc import Callable
from random import SystemRandom

WINDOW = 4 * 60 * 60
MAX_ATTEMPTS = 9
GROWTH = 3
FIRST_CAP = WINDOW * (GROWTH - 1) / (GROWTH ** (MAX_ATTEMPTS - 1) - 1)  # about 4.4 s

Draw = Callable[[float, float], float]
_draw: Draw = SystemRandom().uniform


def one_draw() -> Draw:
    """Draws the same share of every range: what failed in one request waits alike, and shares the next request.

    The share is drawn when it is first asked for: nearly all requests get through and need none.
    """
    share: float | None = None

    def draw(low: float, high: float) -> float:
        nonlocal share
        if share is None:
            share = _draw(0.0, 1.0)
        return low + share * (high - low)

    return draw


def tries_of_round(attempts: int) -> int:
    """How many of a delivery's tries (one at least) count: what used up its nine and is sent again gets nine more."""
    return (attempts - 1) % MAX_ATTEMPTS + 1


def next_try(
    *, attempts: int, first_tried: float, now: float, retry_after: float | None = None, draw: Draw = _draw
) -> float | None:
    """When to try again after `attempts` tries; None when it is over.

    A receiver's `Retry-After` is honoured: the wait begins when it is over, so that not everything that was told to
    wait comes back in one instant. If that lies beyond the window, never again.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    at = now + (retry_after or 0.0) + draw(0.0, FIRST_CAP * GROWTH ** max(0, attempts - 1))
    return at if at < first_tried + WINDOW else None
