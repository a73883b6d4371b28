"""What stands sealed in the event log: a request's body as it was received, with what the server knew of it."""

from __future__ import annotations

import uuid

import msgspec

from workspaces.event_log.base import Entry, NewEntry
from workspaces.sealing import seal, unseal

# One discarded event: its place in the batch (0 where there is none), its type and the documented code.
Skip = tuple[int, str, str]


class Envelope(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """One request. `body` is empty where nothing in it is kept."""

    kind: str  # an event type, or "batch"
    browser: bool  # came by a path that only browser SDKs use
    ip: str  # the caller's address, "" where unknown
    skip: list[Skip]
    surplus: int  # how many events there were beyond the limit of a batch; they are the last ones
    blocked: dict[str, int] | int  # how often each inventory field was removed before storing; a 0 of older entries
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Envelope).decode


def pack(envelope: Envelope, *, entry_id: uuid.UUID, source_id: uuid.UUID, received_at: int, events: int) -> NewEntry:
    """The log entry that holds `envelope`, sealed so that it opens only under this id and this source."""
    body = seal(_encode(envelope), bound_to=entry_id.bytes + source_id.bytes)
    return NewEntry(entry_id, source_id, received_at, events, body)


def open_entry(entry: Entry) -> Envelope:
    """The entry's envelope; raises SealError where it does not open."""
    return _decode(unseal(entry.body, bound_to=entry.entry_id.bytes + entry.source_id.bytes))
