"""A limit on events a second for each workspace, counted in each process by itself."""

from __future__ import annotations

import math
import threading
import time
import uuid
from collections.abc import Callable


class RateLimit:
    """Token buckets that hold one second's worth. A batch may overdraw; the next request then waits for it."""

    def __init__(self, events_a_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = events_a_second
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[uuid.UUID, tuple[float, float]] = {}  # tokens left, and when that was

    def take(self, workspace_id: uuid.UUID, events: int) -> int:
        """Take the events in and return 0, or the whole seconds after which to try again. Limit 0: always 0."""
        if not self._rate:
            return 0
        now = self._clock()
        with self._lock:
            left, then = self._buckets.get(workspace_id, (float(self._rate), now))
            left = min(float(self._rate), left + (now - then) * self._rate)
            if left <= 0:
                self._buckets[workspace_id] = (left, now)
                return max(1, math.ceil(-left / self._rate))
            self._buckets[workspace_id] = (left - events, now)
            return 0
