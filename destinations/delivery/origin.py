"""Back from a delivery to the event it is of, in the event log."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from workspaces.event_log import open_reader
from workspaces.event_log.base import EventLogReader, EventLogUnavailable
from workspaces.sealing import SealError
from workspaces.tracking.normalise import Event
from workspaces.tracking.unpack import unpack

logger = logging.getLogger(__name__)

Place = tuple[int, int, int]  # partition, position, place in the entry


@contextmanager
def reading() -> Iterator[EventLogReader]:
    """A reader that holds no lease, closed at the end."""
    reader = open_reader()
    try:
        yield reader
    finally:
        reader.close()


def event_at(place: Place, *, source_id: uuid.UUID) -> Event | None:
    """The event as it was received, normalised; None where it was trimmed, deleted or does not open."""
    with reading() as reader:
        return find_event(reader, place, source_id=source_id)


def find_event(reader: EventLogReader, place: Place, *, source_id: uuid.UUID) -> Event | None:
    """The same with a reader at hand. An entry of another source is none: places are never given out twice."""
    partition, position, in_entry = place
    try:
        entries = reader.read(partition, after=position - 1, limit=1)
    except EventLogUnavailable:
        logger.exception("the event log cannot be read at %d/%d", partition, position)
        return None
    entry = entries[0] if entries else None
    if entry is None or entry.position != position or entry.source_id != source_id:
        return None
    try:
        return dict(unpack(entry).events).get(in_entry)
    except SealError:
        logger.exception("entry %d of partition %d does not open", position, partition)
        return None
