"""The event log's interface: the shape of Kafka and JetStream, so that such an engine can stand in for the database.

An append-only log in partitions, one writer each; consumers lease a partition, read on from the position they remember
and store that position with the results of their work.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec


class NewEntry(msgspec.Struct, frozen=True, gc=False):
    """What one request adds. `body` is sealed, bound to `entry_id`; `events` counts the events inside."""

    entry_id: uuid.UUID
    source_id: uuid.UUID
    received_at: int  # microseconds since 1970, UTC
    events: int
    body: bytes


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One entry as it stands in the log. Positions grow by one within a partition, without gaps, from 1.

    A struct, as a frozen dataclass takes several times as long to make: one of each is made for every request.
    """

    partition: int
    position: int
    entry_id: uuid.UUID
    source_id: uuid.UUID
    received_at: int
    events: int
    body: bytes


class Rewritten(msgspec.Struct, frozen=True, gc=False):
    """What is to stand in an entry's place once events of it were deleted: a new body, sealed to the same ids."""

    position: int
    events: int
    body: bytes


class EventLogUnavailable(Exception):
    """The log cannot take or give entries now (disk full, database away). The Tracking API answers 503."""


class EventLogWriter(Protocol):
    """One process's way in."""

    def append(self, entry: NewEntry) -> None:
        """Return once the entry is durable; raise EventLogUnavailable if it is not. Safe to call from many threads."""
        ...

    def close(self) -> None:
        """Let go of the partition."""
        ...


class EventLogReader(Protocol):
    """One consumer's way out. A partition is read by one consumer process at a time: the one that leases it."""

    def partitions(self) -> list[int]:
        """Every partition there is, leased or not."""
        ...

    def lease(self, partition: int) -> bool:
        """Take the partition for this process, or False where another has it. A killed process loses its leases."""
        ...

    def release(self, partition: int) -> None:
        """Give the partition back."""
        ...

    def read(self, partition: int, *, after: int, limit: int) -> Sequence[Entry]:
        """Entries with positions greater than `after`, in order, of about `limit` events (at least one entry)."""
        ...

    def tail(self, partition: int, *, source_id: uuid.UUID, after: int, limit: int) -> Sequence[Entry]:
        """The source's last entries behind `after`, newest first, at most `limit` of them."""
        ...

    def end(self, partition: int) -> int:
        """The position of the last entry, settled or not; 0 where there is none."""
        ...

    def rewrite(self, partition: int, changes: Sequence[Rewritten]) -> None:
        """Replace bodies, all or none, and let nothing of the old ones be left in files as far as the engine can."""
        ...

    def trim(
        self, partition: int, *, up_to: int, older_than: int, by_source: Mapping[uuid.UUID, int] | None = None
    ) -> dict[uuid.UUID, int]:
        """Remove entries at or below `up_to` that came in before `older_than` (µs); how many of each source went.

        `by_source` names sources with another such moment.
        """
        ...

    def close(self) -> None:
        """Release every lease."""
        ...
