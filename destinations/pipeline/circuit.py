"""A fuse for each destination: pure state. One that only fails gets a probe now and then instead of every event."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

FAILURES_TO_OPEN = 20  # in a row
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0  # seconds between probes


@dataclass(slots=True)
class _Fuse:
    failures: int = 0
    pause: float = FIRST_PAUSE
    probe_at: float = 0.0


class Circuits:
    """Which destinations are left alone for now. `now` is any clock in seconds."""

    def __init__(self) -> None:
        self._fuses: dict[Hashable, _Fuse] = {}

    def is_open(self, destination: Hashable, now: float) -> bool:
        """Whether to send it nothing at the moment."""
        fuse = self._fuses.get(destination)
        return fuse is not None and fuse.failures >= FAILURES_TO_OPEN and now < fuse.probe_at

    def succeeded(self, destination: Hashable) -> None:
        """It answered well: everything may go to it again."""
        self._fuses.pop(destination, None)

    def failed(self, destination: Hashable, now: float) -> None:
        """It did not answer, or said that it cannot now."""
        fuse = self._fuses.setdefault(destination, _Fuse())
        fuse.failures += 1
        if fuse.failures >= FAILURES_TO_OPEN and now >= fuse.probe_at:
            fuse.probe_at, fuse.pause = now + fuse.pause, min(fuse.pause * 2, LONGEST_PAUSE)

    def open_ones(self, now: float) -> list[Hashable]:
        """Every destination that is left alone at the moment."""
        return [name for name in self._fuses if self.is_open(name, now)]
