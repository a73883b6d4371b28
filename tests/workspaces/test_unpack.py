from __future__ import annotations

import uuid

import msgspec
import pytest

from tests.workspaces.entries import entry_with
from workspaces.sealing import SealError
from workspaces.tracking import parse
from workspaces.tracking.unpack import unpack


def test_a_single_event_is_typed_by_its_path() -> None:
    entry = entry_with({"type": "alias", "userId": "u1", "event": "Seen"}, kind="track")
    ((place, event),) = unpack(entry).events
    assert (place, event["type"], event["userId"], event["event"]) == (0, "track", "u1", "Seen")
    assert event["receivedAt"] == "2024-01-02T03:04:05.678Z"
    assert event["messageId"] == f"api-{entry.entry_id.hex}-0"


def test_a_batch_keeps_its_events_places() -> None:
    items = [{"type": "track", "event": "A"}, {"type": "nonsense"}, {"type": "page", "name": "B"}]
    entry = entry_with(
        {"batch": items, "context": {"locale": "de"}}, kind="batch", skip=[(1, "unknown", "bad_request")]
    )
    unpacked = unpack(entry)
    assert [(place, event["type"], event["context"]) for place, event in unpacked.events] == [
        (0, "track", {"locale": "de"}),
        (2, "page", {"locale": "de"}),
    ]
    assert unpacked.discarded == [("unknown", "bad_request")]


def test_events_beyond_the_limit_of_a_batch_are_discarded() -> None:
    items = [{"type": "track", "event": str(number)} for number in range(2502)]
    unpacked = unpack(entry_with({"batch": items}, kind="batch", surplus=2))
    assert [event["event"] for _, event in unpacked.events] == [str(number) for number in range(2500)]
    assert unpacked.discarded == [("unknown", "bad_request")] * 2


def test_an_entry_may_hold_nothing_but_a_reason() -> None:
    unpacked = unpack(entry_with(None, skip=[(0, "track", "source_disabled")], blocked={"ssn": 3}))
    assert (unpacked.events, unpacked.discarded, unpacked.blocked) == ([], [("track", "source_disabled")], {"ssn": 3})


def test_an_entry_opens_only_under_its_own_id_and_source() -> None:
    entry = entry_with({"userId": "u1"})
    for change in ({"entry_id": uuid.uuid4()}, {"source_id": uuid.uuid4()}):
        with pytest.raises(SealError):
            unpack(msgspec.structs.replace(entry, **change))


def test_the_stored_body_shows_nothing_of_the_event() -> None:
    assert b"alice@example.com" not in entry_with({"traits": {"email": "alice@example.com"}}).body


def test_numbers_no_double_holds_become_null() -> None:
    assert parse.loads(b'{"a": 1e999, "b": -1e999, "c": 1.5, "d": 12345678901234567890123}') == {
        "a": None,
        "b": None,
        "c": 1.5,
        "d": 12345678901234567890123.0,
    }


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b'{"a": Infinity}', b'{"a":1}x', b"\xff"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse.loads(body)
