"""De-duplication by `messageId`, per source, for at least 24 hours (documented; Segment's own window is not scoped).

A row names the log entry that took an id first. An entry that is read again after a crash finds itself there, which is
no duplicate.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import NamedTuple

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

WINDOW_SECONDS = 48 * 60 * 60
ROWS_A_DELETE = 10_000
KEYS_A_SELECT = 500

# Who brought an id: the entry's id and the event's place in it.
Taker = tuple[uuid.UUID, int]


class Message(NamedTuple):
    """One event as far as it matters here."""

    source_id: uuid.UUID
    entry_id: uuid.UUID
    place: int
    message_id: str


INSERT_SQLITE = """
INSERT INTO workspaces_seenmessage (key, entry_id, place, seen_at) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
INSERT_POSTGRESQL = """
INSERT INTO workspaces_seenmessage (key, entry_id, place, seen_at)
SELECT row.*, %s FROM unnest(%s::bytea[], %s::bytea[], %s::smallint[]) AS row ON CONFLICT DO NOTHING
"""
SELECT = "SELECT key, entry_id, place FROM workspaces_seenmessage WHERE key IN ({})"
DELETE = """
DELETE FROM workspaces_seenmessage
WHERE key IN (SELECT key FROM workspaces_seenmessage WHERE seen_at < %s LIMIT %s)
"""


def first_seen(messages: Iterable[Message]) -> set[Taker]:
    """The (entry id, place) of each message that was the first to bring its source's `messageId`.

    Safe with several workers: of two that bring one id, the second waits for the first's transaction and then loses.
    """
    takers: dict[bytes, Taker] = {}
    for source_id, entry_id, place, message_id in messages:
        takers.setdefault(_key(source_id.bytes, message_id), (entry_id, place))
    if not takers:
        return set()
    with transaction.atomic(), connection.cursor() as cursor:
        taken_now = _insert(cursor, takers)
        if taken_now == len(takers):
            return set(takers.values())
        others = _owners(cursor, takers)
    return {taker for key, taker in takers.items() if others.get(key, taker) == taker}


def takers(message_id: str, source_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Taker]:
    """By source: the entry that took this `messageId` within the window, and the event's place there; one query."""
    keys = {_key(source_id.bytes, message_id): source_id for source_id in source_ids}
    if not keys:
        return {}
    with connection.cursor() as cursor:
        found = _owners(cursor, {key: (source_id, 0) for key, source_id in keys.items()})
    return {keys[key]: taker for key, taker in found.items()}


def forget_older_than(seconds: int = WINDOW_SECONDS) -> int:
    """Forget ids taken longer ago; how many were. In steps, so that nobody waits long for the table."""
    before, forgotten = int(time.time()) - seconds, 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(DELETE, (before, ROWS_A_DELETE))
            forgotten += int(cursor.rowcount)
            if cursor.rowcount < ROWS_A_DELETE:
                return forgotten


def _key(source: bytes, message_id: str) -> bytes:
    """128 bits of BLAKE2b."""
    return blake2b(source + message_id.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _insert(cursor: CursorWrapper, takers: Mapping[bytes, Taker]) -> int:
    """Take the ids that are free; how many were. In key order: two workers never wait for each other in a circle."""
    now = int(time.time())
    rows = [(key, entry.bytes, place, now) for key, (entry, place) in sorted(takers.items())]
    if connection.vendor == "postgresql":
        keys, entries, places, _ = zip(*rows, strict=True)
        cursor.execute(INSERT_POSTGRESQL, (now, list(keys), list(entries), list(places)))
    else:
        cursor.executemany(INSERT_SQLITE, rows)
    return int(cursor.rowcount)


def _owners(cursor: CursorWrapper, takers: Mapping[bytes, Taker]) -> dict[bytes, Taker]:
    """Who holds each id by now, ourselves included."""
    keys, found = list(takers), {}
    for start in range(0, len(keys), KEYS_A_SELECT):
        part = keys[start : start + KEYS_A_SELECT]
        cursor.execute(SELECT.format(", ".join(["%s"] * len(part))), part)
        for key, entry_id, place in cursor.fetchall():
            found[bytes(key)] = (uuid.UUID(bytes=bytes(entry_id)), place)
    return found
