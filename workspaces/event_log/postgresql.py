"""The event log in PostgreSQL: one table, one partition a writing process, leased by an advisory lock of its session.

The log uses connections of its own beside Django's. A commit returns after PostgreSQL's fsync, and after the standby's
where `synchronous_standby_names` asks for one.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psycopg
from django.db import connection as django_connection
from psycopg.pq import TransactionStatus

from workspaces.event_log.base import Entry, EventLogUnavailable, NewEntry, Rewritten
from workspaces.event_log.group_commit import GroupWriter

# First halves of the advisory lock keys; the second is the partition. Any numbers will do that nothing else uses.
WRITER_LOCK = 0x5E67_0001
READER_LOCK = 0x5E67_0002
MOST_PARTITIONS = 1000
# The `LogPosition` consumer that remembers trimmed positions: they are never given out again.
TRIMMED = "(trimmed)"

INSERT = """
INSERT INTO workspaces_logentry (partition, position, entry_id, source_id, received_at, events, body)
SELECT %s, row.* FROM unnest(%s::bigint[], %s::uuid[], %s::uuid[], %s::bigint[], %s::smallint[], %s::bytea[]) AS row
"""
LAST_POSITION = """
SELECT greatest(
    (SELECT max(position) FROM workspaces_logentry WHERE partition = %s),
    (SELECT position FROM workspaces_logposition WHERE consumer = %s AND partition = %s),
    0)
"""
PARTITIONS = """
WITH RECURSIVE found AS (
    (SELECT partition FROM workspaces_logentry ORDER BY partition LIMIT 1)
    UNION ALL
    SELECT (SELECT partition FROM workspaces_logentry WHERE partition > found.partition ORDER BY partition LIMIT 1)
    FROM found WHERE found.partition IS NOT NULL
)
SELECT partition FROM found WHERE partition IS NOT NULL
UNION SELECT partition FROM workspaces_logposition
ORDER BY 1
"""
READ = """
SELECT position, entry_id, source_id, received_at, events, body FROM workspaces_logentry
WHERE partition = %s AND position > %s ORDER BY position LIMIT %s
"""
TAIL = """
SELECT position, entry_id, source_id, received_at, events, body FROM workspaces_logentry
WHERE partition = %s AND position > %s AND source_id = %s ORDER BY position DESC LIMIT %s
"""
LAST_ENTRY = "SELECT coalesce(max(position), 0) FROM workspaces_logentry WHERE partition = %s"
REWRITE = "UPDATE workspaces_logentry SET events = %s, body = %s WHERE partition = %s AND position = %s"
TRIM = """
WITH own AS (
    SELECT * FROM unnest(%s::uuid[], %s::bigint[]) AS own (source_id, older_than)
), gone AS (
    DELETE FROM workspaces_logentry AS entry
    WHERE partition = %s AND position <= %s AND received_at < %s AND received_at < coalesce(
        (SELECT own.older_than FROM own WHERE own.source_id = entry.source_id), %s
    ) RETURNING position, source_id
), remembered AS (
    INSERT INTO workspaces_logposition (consumer, partition, position)
    SELECT %s, %s, max(position) FROM gone HAVING count(*) > 0
    ON CONFLICT (consumer, partition)
    DO UPDATE SET position = greatest(workspaces_logposition.position, excluded.position)
)
SELECT source_id, count(*) FROM gone GROUP BY source_id
"""
ROWS_A_FETCH = 1000


class Writer(GroupWriter):
    """One process's partition: the lowest that no other session has. Leased with the first entry."""

    def __init__(self) -> None:
        super().__init__()
        self._connection: psycopg.Connection[Any] | None = None
        self._partition = 0
        self._last = 0

    def close(self) -> None:
        """Let go of the partition."""
        if self._connection is not None:
            _let_go(self._connection)
            self._connection = None

    def _abandon(self) -> object:
        connection, self._connection = self._connection, None
        return connection

    def _write(self, entries: Sequence[NewEntry]) -> None:
        """Commit all of them by one statement."""
        try:
            connection = self._connection or self._connect()
            connection.execute(INSERT, self._columns(entries), prepare=True, binary=True)
            self._last += len(entries)
        except psycopg.Error as error:
            self.close()  # the next group starts with a new connection and perhaps another partition
            raise EventLogUnavailable(f"the event log cannot be written ({type(error).__name__})") from None

    def _columns(self, entries: Sequence[NewEntry]) -> tuple[object, ...]:
        return (
            self._partition,
            list(range(self._last + 1, self._last + 1 + len(entries))),
            [entry.entry_id for entry in entries],
            [entry.source_id for entry in entries],
            [entry.received_at for entry in entries],
            [entry.events for entry in entries],
            [entry.body for entry in entries],
        )

    def _connect(self) -> psycopg.Connection[Any]:
        connection = _connect()
        self._connection = connection
        if _commits_early(connection):
            connection.execute("SET synchronous_commit = on")
        self._partition = _first_free(connection)
        row = connection.execute(LAST_POSITION, (self._partition, TRIMMED, self._partition)).fetchone()
        self._last = row[0] if row else 0
        return connection


class Reader:
    """A consumer's session. Leases end with it: after a lost connection partitions must be leased again."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection[Any] | None = None
        self._leased: set[int] = set()
        self._lost: set[int] = set()

    def partitions(self) -> list[int]:
        """Every partition that has or had entries, leased or not."""
        with self._session() as connection:
            return [row[0] for row in connection.execute(PARTITIONS)]

    def lease(self, partition: int) -> bool:
        """Take the partition for this reader, or False where another session has it."""
        with self._session() as connection:
            if partition not in self._leased and _try_lock(connection, READER_LOCK, partition):
                self._leased.add(partition)
                self._lost.discard(partition)
        return partition in self._leased

    def release(self, partition: int) -> None:
        """Give the partition back."""
        self._lost.discard(partition)
        if partition in self._leased:
            self._leased.remove(partition)
            with self._session() as connection:
                connection.execute("SELECT pg_advisory_unlock(%s, %s)", (READER_LOCK, partition))

    def read(self, partition: int, *, after: int, limit: int) -> Sequence[Entry]:
        """Entries behind `after`, in order, until they hold `limit` events; at least one if there is any."""
        if partition in self._lost:
            raise EventLogUnavailable("the lease was lost with the connection")
        with self._session() as connection, connection.transaction(), connection.cursor("log", binary=True) as cursor:
            cursor.itersize = min(limit, ROWS_A_FETCH)
            cursor.execute(READ, (partition, after, limit))
            return list(_entries(partition, cursor, limit))

    def tail(self, partition: int, *, source_id: uuid.UUID, after: int, limit: int) -> Sequence[Entry]:
        """The source's last entries behind `after`, newest first, at most `limit` of them."""
        with self._session() as connection:
            rows = connection.execute(TAIL, (partition, after, source_id, limit))
            return [_entry(partition, row) for row in rows]

    def end(self, partition: int) -> int:
        """The position of the last entry; 0 where there is none."""
        with self._session() as connection:
            row = connection.execute(LAST_ENTRY, (partition,)).fetchone()
        return row[0] if row else 0

    def rewrite(self, partition: int, changes: Sequence[Rewritten]) -> None:
        """Replace bodies in one transaction. The old rows' sealed bytes go with the next vacuum."""
        rows = [(change.events, change.body, partition, change.position) for change in changes]
        with self._session() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(REWRITE, rows)

    def trim(
        self, partition: int, *, up_to: int, older_than: int, by_source: Mapping[uuid.UUID, int] | None = None
    ) -> dict[uuid.UUID, int]:
        """Remove entries at or below `up_to` that came in before `older_than` (µs); how many of each source went."""
        own = by_source or {}
        latest = max([older_than, *own.values()])
        values = (list(own), list(own.values()), partition, up_to, latest, older_than, TRIMMED, partition)
        with self._session() as connection:
            return dict(connection.execute(TRIM, values).fetchall())

    def close(self) -> None:
        """Release every lease."""
        if self._connection is not None:
            _let_go(self._connection)
            self._connection = None
        self._leased.clear()

    @contextlib.contextmanager
    def _session(self) -> Iterator[psycopg.Connection[Any]]:
        try:
            if self._connection is None:
                self._connection = _connect()
            yield self._connection
        except psycopg.Error as error:
            self._lost |= self._leased
            self.close()
            raise EventLogUnavailable(f"the event log cannot be read ({type(error).__name__})") from None


def _connect() -> psycopg.Connection[Any]:
    """A connection to Django's database that commits each statement for itself."""
    parameters = django_connection.get_connection_params()
    parameters.pop("context", None)
    parameters.pop("cursor_factory", None)
    parameters.pop("prepare_threshold", None)
    parameters.setdefault("connect_timeout", 5)
    return psycopg.connect(**parameters, autocommit=True)


def _commits_early(connection: psycopg.Connection[Any]) -> bool:
    """Whether commits would return before they are on disk. Stronger settings than `on` are left alone."""
    row = connection.execute("SHOW synchronous_commit").fetchone()
    return row is None or row[0] in {"off", "local"}


def _first_free(connection: psycopg.Connection[Any]) -> int:
    for partition in range(MOST_PARTITIONS):
        if _try_lock(connection, WRITER_LOCK, partition):
            return partition
    raise EventLogUnavailable("every partition is taken")


def _let_go(connection: psycopg.Connection[Any]) -> None:
    """Close a session. Its locks are given back first: PostgreSQL takes a moment to see that a session is gone."""
    if connection.info.transaction_status is TransactionStatus.IDLE:  # neither broken nor in the middle of something
        with contextlib.suppress(psycopg.Error):
            connection.execute("SELECT pg_advisory_unlock_all()")
    connection.close()


def _try_lock(connection: psycopg.Connection[Any], lock: int, partition: int) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (lock, partition)).fetchone()
    return row is not None and row[0]


def _entries(partition: int, rows: Iterator[Any], limit: int) -> Iterator[Entry]:
    events = 0
    for row in rows:
        entry = _entry(partition, row)
        yield entry
        events += max(entry.events, 1)
        if events >= limit:
            return


def _entry(partition: int, row: Any) -> Entry:
    position, entry_id, source_id, received_at, events, body = row
    return Entry(partition, position, entry_id, source_id, received_at, events, bytes(body))
