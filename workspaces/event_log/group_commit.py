"""Group commit: entries that threads hand in while a commit runs are written together by the next one.

No thread of its own: the first thread to find nobody writing leads, writes what is waiting and wakes those who waited;
what came in meanwhile is led by its own first thread. A commit costs one fsync however many entries it carries.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Sequence

from workspaces.event_log.base import EventLogUnavailable, NewEntry


class _Group:
    """Entries that will share a commit. The turnstile is shut until the commit has returned."""

    __slots__ = ("entries", "error", "settled", "turnstile")

    def __init__(self) -> None:
        self.entries: list[NewEntry] = []
        self.turnstile = threading.Lock()
        self.turnstile.acquire()
        self.settled = False
        self.error: str | None = None


class GroupCommit:
    """Turns `write`, which makes a list of entries durable or raises, into an `append` for many threads."""

    def __init__(self, write: Callable[[Sequence[NewEntry]], None]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._open: _Group | None = None  # takes entries until its commit begins
        self._busy = False

    def append(self, entry: NewEntry) -> None:
        """Return once `entry` is durable; raise EventLogUnavailable if its commit failed."""
        with self._lock:
            leads, self._busy = not self._busy, True
            group = self._open = self._open or _Group()
            group.entries.append(entry)
        if leads or self._wait(group):
            self._commit(group)
        if group.error is not None:
            raise EventLogUnavailable(group.error)

    def _wait(self, group: _Group) -> bool:
        """Wait at the turnstile. Whoever comes through before the commit leads it: then True."""
        group.turnstile.acquire()
        if group.settled:
            group.turnstile.release()
            return False
        return True

    def _commit(self, group: _Group) -> None:
        """Close the group, write it, let the next one begin and tell this one's threads."""
        with self._lock:
            self._open = None
        group.error = "the commit was interrupted"
        try:
            self._write(group.entries)
            group.error = None
        except EventLogUnavailable as error:
            group.error = str(error)
        finally:
            group.settled = True
            self._hand_over()
            group.turnstile.release()

    def _hand_over(self) -> None:
        """Let one thread of the group that gathered meanwhile lead; where there is none, rest."""
        with self._lock:
            self._busy = self._open is not None
            if self._open is not None:
                self._open.turnstile.release()


class GroupWriter:
    """What both engines' writers are: group commits over a connection that belongs to one process."""

    def __init__(self) -> None:
        self._commits = GroupCommit(self._write)
        self._abandoned: list[object] = []
        start_anew = weakref.WeakMethod(self._start_anew)
        os.register_at_fork(after_in_child=lambda: (method := start_anew()) and method())

    def append(self, entry: NewEntry) -> None:
        """Return once the entry is durable; raise EventLogUnavailable if it is not."""
        self._commits.append(entry)

    def _start_anew(self) -> None:
        """A forked child leases a partition of its own. The parent's connections are kept, never closed or used."""
        self._commits = GroupCommit(self._write)
        self._abandoned.append(self._abandon())

    def _write(self, entries: Sequence[NewEntry]) -> None:
        """Commit all entries in one transaction or raise EventLogUnavailable."""
        raise NotImplementedError

    def _abandon(self) -> object:
        """Forget the parent's connection and return it."""
        raise NotImplementedError
