"""Runs the product's processes together and keeps them running: web server, worker, and in a demo the receiver."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

TICK = 0.2  # seconds between looks at the children
GRACE = 20.0  # seconds a child has to finish what it is doing
FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0  # seconds before a child that ended is started again


@dataclass(slots=True)
class Child:
    """One process to keep running."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    delay: float = field(default=FIRST_DELAY, init=False)
    due: float = field(default=0.0, init=False)

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches it only through us."""
        self.process = subprocess.Popen(self.command, env=dict(self.environment), start_new_session=True)  # noqa: S603  (our own commands)

    def signal(self, number: int) -> None:
        """Send a signal to the process and whatever it started."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                return


class Supervisor:
    """Starts children, starts again what ends by itself, and on SIGINT or SIGTERM stops all of them."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = children
        self._stopping = False

    def run(self) -> None:
        """Return once everything has stopped."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        for child in self._children:
            child.start()
        while not self._stopping:
            for child in self._children:
                self._look_after(child)
            time.sleep(TICK)
        self._shut_down()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _look_after(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is not None and child.process.poll() is not None:
            print(f"{child.name} ended with {child.process.returncode}; starting it again", flush=True)  # noqa: T201
            child.signal(signal.SIGKILL)  # whatever it started must let go of the port
            child.process, child.due = None, now + child.delay
            child.delay = min(child.delay * 2, LONGEST_DELAY)
        if child.process is None and now >= child.due:
            child.start()

    def _shut_down(self) -> None:
        for child in self._children:
            child.signal(signal.SIGTERM)
        end = time.monotonic() + GRACE
        for child in self._children:
            if child.process is None:
                continue
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.0, end - time.monotonic()))
            child.signal(signal.SIGKILL)
            child.process.wait()
