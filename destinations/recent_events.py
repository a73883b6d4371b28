"""The latest real events of one source, read back from the event log. They are PHI: mask them before showing."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Iterator
from typing import Any

from workspaces.event_log import open_reader
from workspaces.event_log.base import Entry, EventLogReader
from workspaces.sealing import SealError
from workspaces.tracking.unpack import unpack

Event = dict[str, Any]

WINDOW = 500  # entries looked at in one go
MOST_ENTRIES = 5000  # looked at in one partition: a source that was silent for longer has no recent events
CHUNK = 100  # events read at once


def recent_events(source_id: uuid.UUID, *, limit: int) -> list[Event]:
    """Up to `limit` events as destinations would be given them, the latest first."""
    reader = open_reader()
    try:
        entries = [entry for number in reader.partitions() for entry in _latest(reader, number, source_id, limit)]
    finally:
        reader.close()
    entries.sort(key=lambda entry: entry.received_at, reverse=True)
    return [event for _, event in zip(range(limit), _events(entries), strict=False)]


def _events(entries: list[Entry]) -> Iterator[Event]:
    for entry in entries:
        try:
            unpacked = unpack(entry)
        except SealError:
            continue
        yield from (event for _, event in reversed(unpacked.events))


def _latest(reader: EventLogReader, partition: int, source_id: uuid.UUID, limit: int) -> deque[Entry]:
    """The source's last entries in one partition, looked for from its end backwards."""
    end = last = reader.end(partition)
    found: deque[Entry] = deque(maxlen=limit)
    while last > 0 and end - last < MOST_ENTRIES and len(found) < limit:
        first = max(last - WINDOW, 0)
        found.extendleft(reversed(_window(reader, partition, source_id, (first, last), limit - len(found))))
        last = first
    return found


def _window(
    reader: EventLogReader, partition: int, source_id: uuid.UUID, span: tuple[int, int], limit: int
) -> deque[Entry]:
    """The source's last `limit` entries with positions behind the first and up to the last of `span`."""
    at, last = span
    found: deque[Entry] = deque(maxlen=limit)
    while at < last and (chunk := reader.read(partition, after=at, limit=CHUNK)):
        found.extend(entry for entry in chunk if entry.source_id == source_id and entry.position <= last)
        at = chunk[-1].position
    return found
