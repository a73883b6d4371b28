"""The Source Debugger: a source's last events, read from the event log, so that taking events in costs nothing more.

Documented: a live sample of at most 500 events, in no certain order, with those that were blocked. The search ends
LOOK_BACK entries before the end of each partition, which a source that is quiet among busy ones may lie behind.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from workspaces.discard_reasons import title
from workspaces.event_log import open_reader
from workspaces.event_log.base import Entry, EventLogReader
from workspaces.models import Source
from workspaces.sealing import SealError
from workspaces.tracking import clock
from workspaces.tracking.envelope import open_entry
from workspaces.tracking.kinds import MOST_BATCH_EVENTS
from workspaces.tracking.unpack import unpack

logger = logging.getLogger(__name__)

MOST_EVENTS = 500  # documented
LOOK_BACK = 20_000  # entries of a partition
KEY = re.compile(r"(\d{1,4})-(\d{1,18})-(\d{1,5})")

Event = dict[str, Any]
Cursor = Mapping[int, int]  # how far each partition was read


@dataclass(frozen=True, slots=True)
class Seen:
    """One event as it came in. `blocked` is the code it was discarded with; then there is no payload."""

    partition: int
    position: int
    place: int
    received_at: datetime
    type: str
    event: Event | None
    blocked: str = ""
    removed: int = 0  # red fields that a Standard Control took out of its request

    @property
    def key(self) -> str:
        """Names it in a link."""
        return f"{self.partition}-{self.position}-{self.place}"

    @property
    def why(self) -> str:
        """The title of the code."""
        return title(self.blocked) if self.blocked else ""


@dataclass(frozen=True, slots=True)
class Sample:
    """Events, newest first, and where to look on from."""

    events: Sequence[Seen]
    cursor: Cursor


def latest(source: Source, *, after: Cursor | None = None) -> Sample:
    """The source's last events, or those that came since `after`; raises EventLogUnavailable where there is no log."""
    reader = open_reader()
    try:
        return _latest(reader, source, dict(after or {}))
    finally:
        reader.close()


def find(source: Source, key: str) -> Seen | None:
    """One event by its key; None where it is another source's, or no longer kept."""
    found = KEY.fullmatch(key)
    if found is None:
        return None
    partition, position, place = map(int, found.groups())
    reader = open_reader()
    try:
        if partition not in reader.partitions():
            return None
        entries = reader.read(partition, after=position - 1, limit=1)
    finally:
        reader.close()
    if not entries or entries[0].position != position or entries[0].source_id != source.pk:
        return None
    return next((seen for seen in _seen(entries[0]) if seen.place == place), None)


def _latest(reader: EventLogReader, source: Source, after: dict[int, int]) -> Sample:
    found: list[Seen] = []
    for partition in reader.partitions():
        end = reader.end(partition)
        begin = max(after.get(partition, 0), end - LOOK_BACK)
        after[partition] = max(end, after.get(partition, 0))
        entries = reader.tail(partition, source_id=source.pk, after=begin, limit=MOST_EVENTS) if end > begin else []
        # What came in while we looked is behind `end` and would be shown twice.
        found += _newest(entry for entry in entries if entry.position <= end)
    found.sort(key=lambda seen: (seen.received_at, seen.position, seen.place), reverse=True)
    return Sample(found[:MOST_EVENTS], after)


def _newest(entries: Any) -> list[Seen]:
    found: list[Seen] = []
    for entry in entries:
        found += reversed(_seen(entry))
        if len(found) >= MOST_EVENTS:
            break
    return found


def _seen(entry: Entry) -> list[Seen]:
    """The entry's events in their order; none where it does not open."""
    try:
        unpacked, envelope = unpack(entry), open_entry(entry)
    except (SealError, ValueError):
        logger.exception("entry %d of partition %d does not open", entry.position, entry.partition)
        return []
    at, where = clock.from_microseconds(entry.received_at), (entry.partition, entry.position)
    removed = sum(unpacked.blocked.values())
    found = [Seen(*where, place, at, str(event["type"]), event, removed=removed) for place, event in unpacked.events]
    found += [Seen(*where, place, at, kind, None, code) for place, kind, code in envelope.skip]
    # Events beyond a batch's limit are counted only; one stands for all of them.
    if envelope.surplus:
        found.append(Seen(*where, MOST_BATCH_EVENTS, at, "unknown", None, "bad_request"))
    return sorted(found, key=lambda seen: seen.place)


def label_of(event: Event) -> str:
    """What a row calls the event: a track's name, a page's, who is identified and their e-mail address."""
    kind = event.get("type")
    if kind == "track":
        return str(event.get("event", ""))
    if kind in {"page", "screen"}:
        return str(event.get("name") or event.get("category") or "")
    if kind == "group":
        return str(event.get("groupId", ""))
    who = str(event.get("userId") or event.get("anonymousId") or "")
    traits = event.get("traits")
    email = traits.get("email") if isinstance(traits, dict) else None
    return f"{who} ({email})" if kind == "identify" and isinstance(email, str) else who


def pretty(event: Event) -> str:
    """The call that would have sent the event, about (documented): `analytics.track('u1', 'Visit Booked', {...})`."""
    kind = str(event.get("type"))
    who = event.get("userId") or event.get("anonymousId")
    parts: dict[str, list[object]] = {
        "track": [who, event.get("event"), event.get("properties", {})],
        "page": [who, *_named(event), event.get("properties", {})],
        "screen": [who, *_named(event), event.get("properties", {})],
        "identify": [who, event.get("traits", {})],
        "group": [who, event.get("groupId"), event.get("traits", {})],
        "alias": [event.get("previousId"), who],
    }
    return f"analytics.{kind}({', '.join(_literal(part) for part in parts.get(kind, [event]))})"


def _named(event: Event) -> list[object]:
    return [event[name] for name in ("category", "name") if event.get(name)]


def _literal(value: object, indent: str = "") -> str:
    inner = indent + "    "
    if isinstance(value, dict) and value:
        lines = [f"{inner}{_literal(str(key))}: {_literal(held, inner)}" for key, held in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(inner + _literal(held, inner) for held in value) + f"\n{indent}]"
    if isinstance(value, str):
        text = orjson.dumps(value.encode(errors="replace").decode()).decode()[1:-1]
        return "'" + text.replace('\\"', '"').replace("'", "\\'") + "'"
    return orjson.dumps(value).decode()


def read_cursor(text: str) -> dict[int, int]:
    """A cursor as a link carries it, `0:17.1:4`; what is none is left out."""
    pairs = (part.split(":") for part in text.split(".")[:1000])
    return {
        int(pair[0]): int(pair[1])
        for pair in pairs
        if len(pair) == 2 and all(half.isascii() and half.isdigit() and len(half) < 19 for half in pair)  # noqa: PLR2004
    }


def write_cursor(cursor: Cursor) -> str:
    """The cursor for a link."""
    return ".".join(f"{partition}:{position}" for partition, position in sorted(cursor.items()))
