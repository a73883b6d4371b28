from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workspaces.tracking import clock
from workspaces.tracking.kinds import EVENT_TYPES
from workspaces.tracking.normalise import Arrival, normalise

RECEIVED = datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
NUMBERS = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
FIELDS = ["context", "integrations", "messageId", "timestamp", "originalTimestamp", "sentAt", "version", "channel"]
OBJECTS = st.dictionaries(st.sampled_from(FIELDS) | TEXTS, VALUES, max_size=9)


def arrive(event: dict[str, Any], *, browser: bool = False, ip: str = "192.0.2.7", **root: Any) -> dict[str, Any]:
    return normalise(event, place=4, kind="track", arrival=Arrival("e1", RECEIVED, ip, browser, root))


def test_an_empty_event_gets_every_common_field() -> None:
    assert arrive({}) == {
        "type": "track",
        "messageId": "api-e1-4",
        "context": {},
        "integrations": {},
        "receivedAt": "2024-01-02T03:04:05.678Z",
        "timestamp": "2024-01-02T03:04:05.678Z",
        "channel": "server",
        "version": 2,
    }


def test_the_clients_clock_is_corrected() -> None:
    event = arrive({"timestamp": "2030-01-01T00:00:00Z", "sentAt": "2030-01-01T00:00:02.500Z"})
    assert event["originalTimestamp"] == "2030-01-01T00:00:00.000Z"
    assert event["sentAt"] == "2030-01-01T00:00:02.500Z"
    assert event["timestamp"] == "2024-01-02T03:04:03.178Z"


def test_the_batchs_sent_at_counts_where_the_event_has_none() -> None:
    event = arrive({"timestamp": "2024-01-02T03:04:04+00:00"}, sentAt="2024-01-02T03:04:05Z")
    assert (event["sentAt"], event["timestamp"]) == ("2024-01-02T03:04:05.000Z", "2024-01-02T03:04:04.678Z")


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("2024-01-02T03:04:05.678Z", "2024-01-02T03:04:05.678Z"),
        ("2024-01-02T03:04:05.678901+00:00", "2024-01-02T03:04:05.678Z"),
        ("2024-01-02T05:04:05+02:00", "2024-01-02T03:04:05.000Z"),
        ("2024-01-02T03:04:05", "2024-01-02T03:04:05.000Z"),
        (1_704_164_645_678, "2024-01-02T03:04:05.678Z"),
        (1_704_164_645, "2024-01-02T03:04:05.000Z"),
    ],
)
def test_without_sent_at_the_timestamp_stays(given: object, read: str) -> None:
    event = arrive({"timestamp": given})
    assert event["timestamp"] == event["originalTimestamp"] == read
    assert "sentAt" not in event


def test_an_original_timestamp_alone_is_taken() -> None:
    assert arrive({"originalTimestamp": "2020-01-01T00:00:00Z"})["timestamp"] == "2020-01-01T00:00:00.000Z"


@pytest.mark.parametrize("given", ["yesterday", "", {}, True, "9999-12-31T23:59:59-23:00", 1e300])
def test_what_is_no_date_counts_as_missing(given: object) -> None:
    event = arrive({"timestamp": given, "sentAt": given})
    assert event["timestamp"] == "2024-01-02T03:04:05.678Z"
    assert not {"sentAt", "originalTimestamp"} & set(event)


def test_a_correction_beyond_the_calendar_is_not_made() -> None:
    event = arrive({"timestamp": "9999-12-31T00:00:00Z", "sentAt": "0001-01-01T00:00:00Z"})
    assert event["timestamp"] == "9999-12-31T00:00:00.000Z"


def test_the_events_own_context_wins_over_the_batchs() -> None:
    event = arrive({"context": {"locale": "de"}}, context={"locale": "en", "app": {"name": "x"}})
    assert event["context"] == {"locale": "de", "app": {"name": "x"}}


def test_events_of_a_batch_share_no_object() -> None:
    root = {"context": {"traits": {"email": "a@example.com"}}}
    first, second = arrive({}, **root), arrive({}, **root)
    first["context"]["traits"]["email"] = "changed"
    assert second["context"]["traits"]["email"] == "a@example.com"


@pytest.mark.parametrize(
    ("given", "kept"),
    [("x", "x"), ("ü" * 100, "ü" * 100), ("x" * 101, "api-e1-4"), (5, "api-e1-4"), ("", "api-e1-4")],
)
def test_message_ids_of_1_to_100_characters_are_kept(given: object, kept: str) -> None:
    assert arrive({"messageId": given})["messageId"] == kept


def test_the_write_key_is_dropped_and_unknown_keys_stay() -> None:
    event = arrive({"writeKey": "secret", "_metadata": {"bundled": []}, "channel": "web", "version": 3})
    assert "writeKey" not in event
    assert (event["_metadata"], event["channel"], event["version"]) == ({"bundled": []}, "web", 3)


@pytest.mark.parametrize(
    ("event", "browser"),
    [
        ({}, True),
        ({"channel": "web"}, False),
        ({"context": {"library": {"name": "analytics.js"}}}, False),
        ({"context": {"direct": True}}, False),
    ],
)
def test_the_address_of_a_client_is_recorded(event: dict[str, Any], browser: bool) -> None:
    assert arrive(event, browser=browser)["context"]["ip"] == "192.0.2.7"


def test_the_address_of_a_server_is_not_recorded() -> None:
    assert "ip" not in arrive({"context": {"library": {"name": "analytics-python"}}})["context"]


def test_ipv6_is_recorded_only_on_request() -> None:
    assert "ip" not in arrive({}, browser=True, ip="2001:db8::7")["context"]
    assert arrive({"context": {"direct": True}}, ip="2001:db8::7")["context"]["ip"] == "2001:db8::7"


def test_an_address_the_client_gave_stays() -> None:
    assert arrive({"context": {"ip": "0.0.0.0"}}, browser=True)["context"]["ip"] == "0.0.0.0"


@given(OBJECTS, st.dictionaries(st.sampled_from(FIELDS), VALUES), st.sampled_from(sorted(EVENT_TYPES)))
def test_every_object_is_normalised_and_reading_again_gives_the_same(
    event: dict[str, Any], root: dict[str, Any], kind: str
) -> None:
    arrival = Arrival("e1", RECEIVED, "192.0.2.7", False, root)
    once = normalise(copy.deepcopy(event), place=0, kind=kind, arrival=arrival)
    again = normalise(copy.deepcopy(event), place=0, kind=kind, arrival=arrival)
    assert once == again
    assert (once["type"], once["receivedAt"]) == (kind, "2024-01-02T03:04:05.678Z")
    assert isinstance(once["context"], dict)
    assert isinstance(once["integrations"], dict)
    assert 0 < len(once["messageId"]) <= 100
    assert all(clock.read(once[name]) for name in ("timestamp", "originalTimestamp", "sentAt") if name in once)


@given(st.datetimes(timezones=st.just(UTC)), st.timedeltas(timedelta(0), timedelta(days=1)))
def test_an_event_keeps_its_distance_from_its_sending(sent: datetime, before: timedelta) -> None:
    sent = max(sent, datetime(1, 1, 3, tzinfo=UTC))
    assert RECEIVED - clock.corrected(sent - before, sent, RECEIVED) == before
