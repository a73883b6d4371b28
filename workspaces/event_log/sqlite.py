"""The event log in SQLite: one file per ingest process (`log-<n>.sqlite3`), so that writers never wait for each other.

WAL with synchronous=FULL: a commit returns after its fsync. Locks are flock(2) on files beside it, which the kernel
lets go however a process ends. Bodies come sealed, so the files hold no plaintext.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import sqlite3
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from workspaces.event_log.base import Entry, EventLogUnavailable, NewEntry, Rewritten
from workspaces.event_log.group_commit import GroupWriter

BUSY_SECONDS = 5.0
MOST_PARTITIONS = 1000
ROWS_A_STATEMENT = 64
FILE_NAME = re.compile(r"^log-(\d+)\.sqlite3$")

SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    position INTEGER PRIMARY KEY, entry_id BLOB NOT NULL, source_id BLOB NOT NULL,
    received_at INTEGER NOT NULL, events INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS trimmed (id INTEGER PRIMARY KEY CHECK (id = 1), position INTEGER NOT NULL);
INSERT OR IGNORE INTO trimmed VALUES (1, 0);
"""
# A trimmed position is never given out again, or a consumer that has read past it would miss its new holder.
LAST_POSITION = "SELECT max((SELECT coalesce(max(position), 0) FROM entry), (SELECT position FROM trimmed))"


class Writer(GroupWriter):
    """One process's partition: the first that no other process has. Leased with the first entry."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._partition = 0
        self._lock: int | None = None
        self._connection: sqlite3.Connection | None = None
        self._last = 0

    def close(self) -> None:
        """Let go of the partition."""
        self._disconnect()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _abandon(self) -> object:
        connection, self._connection = self._connection, None
        if self._lock is not None:
            os.close(self._lock)  # the lock stays with the parent's descriptor
            self._lock = None
        return connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _write(self, entries: Sequence[NewEntry]) -> None:
        """Commit all of them in one transaction."""
        try:
            connection = self._connection or self._connect()
            self._insert(connection, entries)
        except (sqlite3.Error, OSError) as error:
            with contextlib.suppress(sqlite3.Error):  # what is in the file now is looked up again
                self._disconnect()
            raise EventLogUnavailable(f"the event log cannot be written ({type(error).__name__})") from None

    def _insert(self, connection: sqlite3.Connection, entries: Sequence[NewEntry]) -> None:
        first = self._last + 1
        if len(entries) <= ROWS_A_STATEMENT:
            _insert_rows(connection, first, entries)  # one statement is its own transaction
        else:
            connection.execute("BEGIN IMMEDIATE")
            for start in range(0, len(entries), ROWS_A_STATEMENT):
                _insert_rows(connection, first + start, entries[start : start + ROWS_A_STATEMENT])
            connection.execute("COMMIT")
        self._last += len(entries)

    def _connect(self) -> sqlite3.Connection:
        """Open the partition, leasing one first where this process has none."""
        if self._lock is None:
            self._partition, self._lock = _first_free(self._folder)
        path = self._folder / f"log-{self._partition}.sqlite3"
        if not path.exists():
            _create(path)
        connection = _open(path)
        connection.executescript(SCHEMA)
        self._last = connection.execute(LAST_POSITION).fetchone()[0]
        self._connection = connection
        return connection


class Reader:
    """A consumer's connections, one for each partition it reads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._leases: dict[int, int] = {}
        self._connections: dict[int, sqlite3.Connection] = {}

    def partitions(self) -> list[int]:
        """Every partition with a file, leased or not."""
        if not self._folder.is_dir():
            return []
        return sorted(int(found[1]) for path in self._folder.iterdir() if (found := FILE_NAME.match(path.name)))

    def lease(self, partition: int) -> bool:
        """Take the partition for this reader, or False where another has it."""
        if partition not in self._leases:
            lock = _flock(self._folder / f"log-{partition}.reader.lock")
            if lock is None:
                return False
            self._leases[partition] = lock
        return True

    def release(self, partition: int) -> None:
        """Give the partition back."""
        if (connection := self._connections.pop(partition, None)) is not None:
            connection.close()
        if (lock := self._leases.pop(partition, None)) is not None:
            os.close(lock)

    def read(self, partition: int, *, after: int, limit: int) -> Sequence[Entry]:
        """Entries behind `after`, in order, until they hold `limit` events; at least one if there is any."""
        with self._reading(partition) as connection:
            rows = connection.execute(
                "SELECT position, entry_id, source_id, received_at, events, body FROM entry"
                " WHERE position > ? ORDER BY position LIMIT ?",
                (after, limit),
            )
            return list(_entries(partition, rows, limit))

    def tail(self, partition: int, *, source_id: uuid.UUID, after: int, limit: int) -> Sequence[Entry]:
        """The source's last entries behind `after`, newest first, at most `limit` of them."""
        with self._reading(partition) as connection:
            rows = connection.execute(
                "SELECT position, entry_id, source_id, received_at, events, body FROM entry"
                " WHERE position > ? AND source_id = ? ORDER BY position DESC LIMIT ?",
                (after, source_id.bytes, limit),
            )
            return [_entry(partition, row) for row in rows]

    def end(self, partition: int) -> int:
        """The position of the last entry; 0 where there is none."""
        with self._reading(partition) as connection:
            return int(connection.execute("SELECT coalesce(max(position), 0) FROM entry").fetchone()[0])

    def rewrite(self, partition: int, changes: Sequence[Rewritten]) -> None:
        """Replace bodies in one transaction. Freed pages are overwritten, the WAL that held the old ones is emptied."""
        with self._reading(partition) as connection:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(
                    "UPDATE entry SET events = ?, body = ? WHERE position = ?",
                    [(change.events, change.body, change.position) for change in changes],
                )
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def trim(
        self, partition: int, *, up_to: int, older_than: int, by_source: Mapping[uuid.UUID, int] | None = None
    ) -> dict[uuid.UUID, int]:
        """Remove entries at or below `up_to` that came in before `older_than` (µs); how many of each source went."""
        own = {source_id.bytes: before for source_id, before in (by_source or {}).items()}
        latest = max([older_than, *own.values()])
        limit = f"CASE source_id {'WHEN ? THEN ? ' * len(own)}ELSE ? END" if own else "?"
        sql = f"DELETE FROM entry WHERE position <= ? AND received_at < ? AND received_at < {limit}"  # noqa: S608  (only marks)
        with self._reading(partition) as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            values = (up_to, latest, *chain.from_iterable(own.items()), older_than)
            gone = connection.execute(f"{sql} RETURNING position, source_id", values).fetchall()
            highest = max((position for position, _ in gone), default=0)
            connection.execute("UPDATE trimmed SET position = max(position, ?)", (highest,))
        return {uuid.UUID(bytes=source): count for source, count in Counter(source for _, source in gone).items()}

    def close(self) -> None:
        """Release every lease."""
        for partition in {*self._leases, *self._connections}:
            self.release(partition)

    @contextlib.contextmanager
    def _reading(self, partition: int) -> Iterator[sqlite3.Connection]:
        try:
            if partition not in self._connections:
                self._connections[partition] = _open(self._folder / f"log-{partition}.sqlite3")
            yield self._connections[partition]
        except (sqlite3.Error, OSError) as error:
            raise EventLogUnavailable(f"the event log cannot be read ({type(error).__name__})") from None


def _insert_rows(connection: sqlite3.Connection, first: int, entries: Sequence[NewEntry]) -> None:
    """All rows by one statement: each step of SQLite gives up the interpreter lock and waits to get it back."""
    values: list[object] = []
    for position, entry in enumerate(entries, first):
        values += (
            position,
            entry.entry_id.bytes,
            entry.source_id.bytes,
            entry.received_at,
            entry.events,
            entry.body,
        )
    places = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(entries))
    connection.execute(f"INSERT INTO entry VALUES {places}", values)  # noqa: S608  (only question marks are joined)


def _entries(partition: int, rows: sqlite3.Cursor, limit: int) -> Iterator[Entry]:
    events = 0
    for row in rows:
        entry = _entry(partition, row)
        yield entry
        events += max(entry.events, 1)
        if events >= limit:
            return


def _entry(partition: int, row: tuple[int, bytes, bytes, int, int, bytes]) -> Entry:
    position, entry_id, source_id, received_at, events, body = row
    return Entry(partition, position, uuid.UUID(bytes=entry_id), uuid.UUID(bytes=source_id), received_at, events, body)


def _open(path: Path) -> sqlite3.Connection:
    """A connection that commits each statement for itself, for use by any one thread at a time."""
    if not path.exists():
        raise FileNotFoundError(path.name)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    connection.execute("PRAGMA secure_delete = ON")  # what is trimmed or rewritten leaves no bytes behind
    return connection


def _create(path: Path) -> None:
    """Make the file under another name: a reader that saw it unfinished would find no table, or lock the writer out.

    Readable by its owner alone; SQLite gives its WAL the same mode.
    """
    unfinished = path.with_suffix(".new")
    for leftover in path.parent.glob(f"{unfinished.name}*"):  # of a process that was killed here
        leftover.unlink()
    os.close(os.open(unfinished, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    connection = _open(unfinished)
    connection.executescript(SCHEMA)
    connection.close()
    unfinished.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _first_free(folder: Path) -> tuple[int, int]:
    """The lowest partition that no living process writes, and the lock that makes it ours."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for partition in range(MOST_PARTITIONS):
        lock = _flock(folder / f"log-{partition}.lock")
        if lock is not None:
            return partition, lock
    raise OSError("every partition is taken")


def _flock(path: Path) -> int | None:
    """The descriptor that holds the lock, or None where another open descriptor does."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
