"""Counts requests with unknown write keys, which are answered 200, so that the operator learns of them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

LINE_EVERY_SECONDS = 60.0


class Strangers:
    """A counter that writes a log line a minute at most, with the number alone: never a key or an address."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._unsaid = 0
        self._next_line = clock()
        self.total = 0

    def count(self) -> None:
        """Count one request."""
        with self._lock:
            self.total += 1
            self._unsaid += 1
            if self._clock() < self._next_line:
                return
            unsaid, self._unsaid = self._unsaid, 0
            self._next_line = self._clock() + LINE_EVERY_SECONDS
        logger.warning("%d requests with an unknown or revoked write key were dropped", unsaid)
