"""From a log entry back to its events, normalised. Reading an entry again gives exactly the same."""

from __future__ import annotations

from typing import Any

import msgspec

from workspaces.event_log.base import Entry
from workspaces.tracking import clock, parse
from workspaces.tracking.envelope import Envelope, open_entry
from workspaces.tracking.kinds import BATCH, MOST_BATCH_EVENTS, UNKNOWN
from workspaces.tracking.normalise import Arrival, Event, normalise


class Unpacked(msgspec.Struct, frozen=True):
    """An entry's events, each with its place in the request, and what was discarded at ingest."""

    entry: Entry
    events: list[tuple[int, Event]]
    discarded: list[tuple[str, str]]  # event type and documented code
    blocked: dict[str, int] = msgspec.field(default_factory=dict)  # inventory fields removed before storing, how often


def unpack(entry: Entry) -> Unpacked:
    """Open the entry; raises SealError where it does not open."""
    envelope = open_entry(entry)
    discarded = [(kind, code) for _, kind, code in envelope.skip]
    discarded += [(UNKNOWN, "bad_request")] * envelope.surplus
    blocked = envelope.blocked if isinstance(envelope.blocked, dict) else {}
    return Unpacked(entry, _events(entry, envelope), discarded, blocked)


def _events(entry: Entry, envelope: Envelope) -> list[tuple[int, Event]]:
    if not envelope.body:
        return []
    root = parse.loads(envelope.body)
    if envelope.kind != BATCH:
        return [(0, normalise(root, place=0, kind=envelope.kind, arrival=_arrival(entry, envelope, {})))]
    arrival = _arrival(entry, envelope, root)
    skipped = {place for place, _, _ in envelope.skip}
    items: list[Any] = root["batch"][:MOST_BATCH_EVENTS]
    return [
        (place, normalise(item, place=place, kind=item["type"], arrival=arrival))
        for place, item in enumerate(items)
        if place not in skipped
    ]


def _arrival(entry: Entry, envelope: Envelope, root: Event) -> Arrival:
    received = clock.from_microseconds(entry.received_at)
    return Arrival(entry.entry_id.hex, received, envelope.ip, envelope.browser, root)
