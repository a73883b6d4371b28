"""Taking end users' events out of one log entry. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from workspaces.event_log.base import Entry, Rewritten
from workspaces.tracking import parse
from workspaces.tracking.blocking import USER_IDS
from workspaces.tracking.envelope import Envelope, open_entry, pack
from workspaces.tracking.keeping import only_kept
from workspaces.tracking.kinds import BATCH, MOST_BATCH_EVENTS
from workspaces.tracking.normalise import message_id
from workspaces.tracking.shared import impersonal

DELETED = "deleted_user"  # the code a deleted event's place is noted under

# The digest of a user that is to be deleted, for their id; None for everybody else.
SubjectOf = Callable[[str], bytes | None]


class Gone(NamedTuple):
    """One event that is taken out. `place` counts from 0 in the request."""

    place: int
    message_id: str
    subject: bytes


class Scrubbed(NamedTuple):
    """What stands in the entry's place, and what is no longer in it. Discarded events go too, uncounted."""

    rewritten: Rewritten
    gone: list[Gone]


def scrub(entry: Entry, subject_of: SubjectOf) -> Scrubbed | None:
    """The entry without these users' events; None where it holds none. Raises SealError where it does not open.

    The others keep their places: what is taken out leaves a null. Of what the batch said for all of them only what
    tells of nobody stays (workspaces/tracking/shared.py); each event's own fields stay as they are.
    """
    envelope = open_entry(entry)
    if not envelope.body:
        return None
    root = parse.loads(envelope.body)
    items = root["batch"] if envelope.kind == BATCH else [root]
    meant = {place: subject for place, item in enumerate(items) if (subject := _subject(item, subject_of))}
    if not meant:
        return None
    skipped = {place for place, _, _ in envelope.skip}
    kept = {place for place in range(min(len(items), MOST_BATCH_EVENTS)) if place not in skipped}
    gone = [
        Gone(place, message_id(items[place].get("messageId"), entry.entry_id.hex, place), subject)
        for place, subject in meant.items()
        if place in kept
    ]
    notes = [(each.place, _kind(envelope, items[each.place]), DELETED) for each in gone]
    return Scrubbed(_rewritten(entry, envelope, root, kept - set(meant), notes), gone)


def _subject(item: Any, subject_of: SubjectOf) -> bytes | None:
    if not isinstance(item, dict):
        return None
    ids = (item.get(name) for name in USER_IDS)
    return next((found for each in ids if isinstance(each, str) and each and (found := subject_of(each))), None)


def _kind(envelope: Envelope, item: dict[str, Any]) -> str:
    return str(item["type"]) if envelope.kind == BATCH else envelope.kind


def _rewritten(
    entry: Entry, envelope: Envelope, root: dict[str, Any], left: set[int], notes: list[tuple[int, str, str]]
) -> Rewritten:
    body = orjson.dumps(impersonal(only_kept(root, left))) if left else b""
    written = Envelope(
        envelope.kind,
        envelope.browser,
        envelope.ip if left else "",
        [*envelope.skip, *notes],
        envelope.surplus,
        envelope.blocked,
        body,
    )
    packed = pack(
        written,
        entry_id=entry.entry_id,
        source_id=entry.source_id,
        received_at=entry.received_at,
        events=len(left),
    )
    return Rewritten(entry.position, packed.events, packed.body)
