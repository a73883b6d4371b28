"""A fuse for each destination: pure state. One that only fails gets a probe now and then instead of every event.

One that asks for time (`Retry-After`) gets nothing until that is over, so that no try is spent on a certain refusal.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

FAILURES_TO_OPEN = 20  # in a row
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0  # seconds between probes
LONGEST_QUIET = 300.0  # seconds: what was refused waits as long as it was asked to, others are tried again after that


@dataclass(slots=True)
class _Fuse:
    failures: int = 0
    pause: float = FIRST_PAUSE
    probe_at: float = 0.0


class Circuits:
    """Which destinations are left alone for now. `now` is any clock in seconds."""

    def __init__(self) -> None:
        self._fuses: dict[uuid.UUID, _Fuse] = {}
        self._quiet: dict[uuid.UUID, float] = {}  # until when

    def asked_for_time(self, destination: uuid.UUID, now: float, seconds: float) -> None:
        """It said how long it wants nothing."""
        self._quiet[destination] = max(self._quiet.get(destination, 0.0), now + min(seconds, LONGEST_QUIET))

    def is_quiet(self, destination: uuid.UUID, now: float) -> bool:
        """Whether it is to get nothing at all now."""
        if not self._quiet or (until := self._quiet.get(destination)) is None:
            return False
        if now >= until:
            del self._quiet[destination]
        return now < until

    def is_open(self, destination: uuid.UUID) -> bool:
        """Whether it gets nothing but probes."""
        fuse = self._fuses.get(destination)
        return fuse is not None and fuse.failures >= FAILURES_TO_OPEN

    def open_ones(self) -> list[uuid.UUID]:
        """Every destination that gets nothing but probes."""
        return [name for name in self._fuses if self.is_open(name)]

    def take_probe(self, destination: uuid.UUID, now: float) -> bool:
        """Whether one delivery may try an open destination now; the next may after a longer pause."""
        fuse = self._fuses[destination]
        if now < fuse.probe_at:
            return False
        fuse.pause = min(fuse.pause * 2, LONGEST_PAUSE)
        fuse.probe_at = now + fuse.pause
        return True

    def answered(self, destination: uuid.UUID) -> None:
        """It took an event or refused it for good, so it is there: everything may go to it again."""
        self._fuses.pop(destination, None)

    def failed(self, destination: uuid.UUID, now: float) -> None:
        """It did not answer, or said that it cannot now."""
        fuse = self._fuses.setdefault(destination, _Fuse())
        fuse.failures += 1
        if fuse.failures == FAILURES_TO_OPEN:
            fuse.probe_at = now + FIRST_PAUSE
