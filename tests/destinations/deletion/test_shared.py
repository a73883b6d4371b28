"""What a batch says for all its events, after one user's are deleted: nothing of theirs, the rest as it was."""

from __future__ import annotations

import json
import uuid
from typing import Any

from destinations.deletion.scrub import scrub
from tests.destinations.factories import track
from workspaces.event_log.base import Entry
from workspaces.tracking.envelope import Envelope, open_entry, pack
from workspaces.tracking.shared import impersonal
from workspaces.tracking.unpack import unpack

SAID = {
    "context": {
        "library": {"name": "analytics-python", "version": "2.3", "of": "canary-1"},
        "os": {"name": "iOS", "version": ["canary-2"]},
        "locale": "en-GB",
        "timezone": {"id": "canary-3"},
        "traits": {"email": "canary-4@example.com"},
        "ip": "192.0.2.99",
        "device": {"id": "canary-5"},
        "page": {"url": "https://example.com/?patient=canary-6"},
        "mrn": "canary-7",
        "app": "canary-8",
    },
    "integrations": {"All": False, "Webhooks": {"session": "canary-9"}, "Slack": True},
    "sentAt": "2026-05-04T10:00:00.000Z",
}


def entry_of(*events: dict[str, Any], **said: Any) -> Entry:
    envelope = Envelope("batch", False, "192.0.2.7", [], 0, {}, json.dumps({"batch": events, **said}).encode())
    new = pack(envelope, entry_id=uuid.uuid4(), source_id=uuid.uuid4(), received_at=10**15, events=len(events))
    return Entry(0, 1, new.entry_id, new.source_id, new.received_at, new.events, new.body)


def without_them(entry: Entry) -> Entry:
    scrubbed = scrub(entry, lambda user_id: b"subject" if user_id == "gone" else None)
    assert scrubbed is not None
    return Entry(
        0,
        1,
        entry.entry_id,
        entry.source_id,
        entry.received_at,
        scrubbed.rewritten.events,
        scrubbed.rewritten.body,
    )


def test_nothing_the_batch_told_of_a_person_is_left() -> None:
    left = without_them(entry_of(track("a"), track("b", userId="gone"), track("c"), **SAID))
    body = open_entry(left).body
    assert b"canary" not in body
    assert b"192.0.2.99" not in body
    said = json.loads(body)
    assert said["context"] == {
        "library": {"name": "analytics-python", "version": "2.3"},
        "os": {"name": "iOS"},
        "locale": "en-GB",
    }
    assert said["integrations"] == {"All": False, "Webhooks": True, "Slack": True}
    assert [place for place, _ in unpack(left).events] == [0, 2]


def test_events_that_stay_keep_what_they_say_themselves() -> None:
    own = {"traits": {"email": "stays@example.com"}, "ip": "198.51.100.4"}
    entry = entry_of(track("a", context=own), track("b", userId="gone"), **SAID)
    (before, _), ((place, after),) = unpack(entry).events, unpack(without_them(entry)).events
    assert (before[0], before[1]["context"]["traits"]) == (place, own["traits"])
    assert {key: after["context"][key] for key in own} == own
    same = ("messageId", "timestamp", "receivedAt", "sentAt", "userId", "event", "version")
    assert {key: after[key] for key in same} == {key: before[1][key] for key in same}


def test_a_batch_that_told_of_nobody_is_read_as_before() -> None:
    said = {"context": {"library": {"name": "x", "version": "1"}, "direct": True}, "integrations": {"All": True}}
    entry = entry_of(track("a"), track("b", userId="gone"), track("c"), **said)
    before, after = unpack(entry).events, unpack(without_them(entry)).events
    assert after == [before[0], before[2]]


def test_what_is_no_object_counts_as_empty_as_ever() -> None:
    assert impersonal({"batch": [], "context": "canary", "integrations": ["canary"]}) == {
        "batch": [],
        "context": {},
        "integrations": {},
    }
