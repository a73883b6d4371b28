"""Log entries as ingest writes them, for tests of whatever reads them."""

from __future__ import annotations

import json
import uuid
from typing import Any

from workspaces.event_log.base import Entry, NewEntry
from workspaces.event_log.duplicates import Message
from workspaces.tracking.envelope import Envelope, pack
from workspaces.tracking.unpack import Unpacked

RECEIVED = 1_704_164_645_678_000  # 2024-01-02T03:04:05.678Z
SOURCE = uuid.UUID(int=7)


def new_entry(body: Any, *, kind: str = "track", source_id: uuid.UUID = SOURCE, **facts: Any) -> NewEntry:
    """An entry that holds one request with `body`."""
    given = {"browser": False, "ip": "192.0.2.7", "skip": [], "surplus": 0, "blocked": {}, **facts}
    envelope = Envelope(kind=kind, body=json.dumps(body).encode() if body is not None else b"", **given)
    events = len(body["batch"]) - len(envelope.skip) if kind == "batch" and body else int(body is not None)
    return pack(envelope, entry_id=uuid.uuid4(), source_id=source_id, received_at=RECEIVED, events=events)


def stored(entry: NewEntry, position: int = 1) -> Entry:
    """The same entry as a reader gives it."""
    facts = (entry.entry_id, entry.source_id, entry.received_at, entry.events, entry.body)
    return Entry(0, position, *facts)


def entry_with(body: Any, **facts: Any) -> Entry:
    """An entry as read from the log."""
    return stored(new_entry(body, **facts))


def messages_of(*batch: Unpacked) -> list[Message]:
    """The events as de-duplication sees them."""
    return [
        Message(each.entry.source_id, each.entry.entry_id, place, event["messageId"])
        for each in batch
        for place, event in each.events
    ]
