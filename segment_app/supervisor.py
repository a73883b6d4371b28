"""Runs the product's processes together and keeps them running: web server, worker, and in a demo the receiver."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

TICK = 0.2  # seconds between looks at the children
GRACE = 20.0  # seconds a child has to finish what it is doing
FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0  # seconds before a child that ended is started again
OPENING = 30.0  # seconds a child has to listen before the rest goes on without it


@dataclass(slots=True)
class Child:
    """One process to keep running. `listens` is the address it will answer on, if others wait for it."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    listens: tuple[str, int] | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    delay: float = field(default=FIRST_DELAY, init=False)
    due: float = field(default=0.0, init=False)

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches it only through us."""
        self.process = subprocess.Popen(self.command, env=dict(self.environment), start_new_session=True)  # noqa: S603  (our own commands)

    def is_open(self) -> bool:
        """Whether it takes connections. One that does not listen always does."""
        if self.listens is None:
            return True
        with contextlib.suppress(OSError), socket.create_connection(self.listens, timeout=1):
            return True
        return False

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

    def run(self, *, opened: Callable[[], None] = lambda: None) -> None:
        """Start what listens, call `opened` once it does, start the rest; return once everything has stopped."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        listeners = [child for child in self._children if child.listens]
        for child in listeners:
            child.start()
        self._wait_for(listeners)
        if not self._stopping:
            opened()
        while not self._stopping:
            for child in self._children:
                self._look_after(child)
            time.sleep(TICK)
        self._shut_down()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _wait_for(self, listeners: Sequence[Child]) -> None:
        end = time.monotonic() + OPENING
        while not (self._stopping or time.monotonic() > end or all(child.is_open() for child in listeners)):
            for child in listeners:
                self._look_after(child)
            time.sleep(TICK)

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
