"""The steps of one event on its way to one destination, and that no chosen plaintext comes out at their end."""

from __future__ import annotations

import copy
import itertools
import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from destinations.catalog.webhooks import Webhooks
from destinations.encryption.cipher import ValueCipher
from destinations.encryption.fields import FieldEncryption
from destinations.pipeline.plan import DestinationPlan
from destinations.pipeline.steps import Stopped, integrations_allow, prepared
from privacy.matchers import fold
from tests.destinations.factories import PAIR, opened, track

CIPHER = ValueCipher(PAIR.public_pem)


class TracksOnly(Webhooks):
    entry = replace(Webhooks.entry, event_types=frozenset({"track"}))


def plan(*terms: str, **facts: Any) -> DestinationPlan:
    """A webhook that encrypts `terms`, if any."""
    given = {
        "id": uuid.UUID(int=1),
        "workspace_id": uuid.UUID(int=2),
        "connector": Webhooks(),
        "settings": {},
        "encrypts": bool(terms),
        "encryption": FieldEncryption(CIPHER, terms) if terms else None,
        "key_fingerprint": "",
    }
    return DestinationPlan(**{**given, **facts})


def reason(event: dict[str, Any], for_plan: DestinationPlan) -> str:
    """Why the event stops."""
    with pytest.raises(Stopped) as stopped:
        prepared(event, for_plan)
    assert stopped.value.args == (stopped.value.code,)
    return stopped.value.code


@pytest.mark.parametrize(
    ("integrations", "allowed"),
    [
        (None, True),
        ({}, True),
        ({"All": True}, True),
        ({"All": False}, False),
        ({"All": False, "Webhooks": True}, True),
        ({"All": True, "Webhooks": False}, False),
        ({"Webhooks": False}, False),
        ({"Webhooks": {"option": 1}}, True),
        ({"All": False, "Webhooks": {}}, True),
        ({"All": False, "Webhooks": None}, True),
        ({"webhooks": False}, True),
        ({"All": False, "webhooks": True}, False),
        ({"Segment.io": False}, True),
        ({"All": False, "Segment.io": True}, False),
        ({"Google Analytics": False}, True),
        ({"all": False}, True),
        ({"All": 0}, True),
        ({"All": None}, True),
        ("all", True),
        ([False], True),
    ],
)
def test_the_integrations_object_decides_by_display_name(integrations: Any, allowed: bool) -> None:
    assert integrations_allow({"integrations": integrations}, "Webhooks") is allowed


def test_an_event_without_an_integrations_object_goes_everywhere() -> None:
    assert integrations_allow({}, "Webhooks")


def test_an_event_that_the_integrations_object_excludes_is_filtered() -> None:
    assert reason(track("m", integrations={"All": False}), plan()) == "FILTERED_BY_INTEGRATIONS_OBJECT"


def test_a_type_the_destination_does_not_take_is_filtered() -> None:
    tracks_only = plan(connector=TracksOnly())
    assert reason({**track("m"), "type": "identify"}, tracks_only) == "UNSUPPORTED_EVENT_TYPE"
    assert prepared(track("m"), tracks_only)


@pytest.mark.parametrize("kind", ["track", "identify", "page", "screen", "group", "alias"])
def test_webhooks_take_every_type(kind: str) -> None:
    assert orjson.loads(prepared({**track("m"), "type": kind}, plan()))["type"] == kind


def test_filters_change_events_in_their_order() -> None:
    filters = (lambda event: {**event, "seen": ["a"]}, lambda event: {**event, "seen": [*event["seen"], "b"]})
    assert orjson.loads(prepared(track("m"), plan(filters=filters)))["seen"] == ["a", "b"]


def test_an_event_that_a_filter_drops_goes_no_further() -> None:
    later: list[Any] = []
    assert reason(track("m"), plan(filters=(lambda _event: None, later.append))) == "FILTERED_BY_RULES"
    assert later == []


def test_an_event_at_which_a_filter_fails_stops_without_its_text() -> None:
    def fails(event: dict[str, Any]) -> None:
        raise KeyError(event["properties"]["email"])

    event = track("m", properties={"email": "jo@example.com"})
    with pytest.raises(Stopped, match=r"^INTERNAL$") as stopped:
        prepared(event, plan(filters=(fails,)))
    assert stopped.value.__cause__ is None
    assert stopped.value.__suppress_context__


def test_filters_come_before_encryption() -> None:
    saw: list[str] = []
    keep = (lambda event: saw.append(event["properties"]["email"]) or event,)
    body = prepared(track("m", properties={"email": "jo@example.com"}), plan("email", filters=keep))
    assert saw == ["jo@example.com"]
    assert b"jo@example.com" not in body


def test_without_encryption_the_event_leaves_as_it_is() -> None:
    event = track("m", properties={"email": "jo@example.com", "n": 1.5, "list": [None, True]})
    assert orjson.loads(prepared(event, plan())) == event


def test_the_event_itself_stays_for_the_next_destination() -> None:
    event = track("m", properties={"email": "jo@example.com"}, context={"traits": {"email": "jo@example.com"}})
    before = copy.deepcopy(event)
    prepared(event, plan("email"))
    assert event == before


def test_where_the_key_cannot_be_used_every_event_is_held() -> None:
    broken = plan(encrypts=True, encryption=None)
    assert reason(track("m", properties={"plan": "gold"}), broken) == "FAILED_DATA_ENCRYPTION"


@pytest.mark.parametrize("value", ["lone \ud800", float("inf"), 2**64, object()])
def test_a_value_that_cannot_be_encrypted_holds_its_event(value: Any) -> None:
    event = track("m", properties={"email": value})
    assert reason(event, plan("email")) == "FAILED_DATA_ENCRYPTION"


def test_an_error_nobody_foresaw_holds_the_event_and_says_nothing() -> None:
    class Broken:
        def apply(self, event: dict[str, Any]) -> dict[str, Any]:
            raise RuntimeError(event["properties"]["email"])

    event = track("m", properties={"email": "jo@example.com"})
    with pytest.raises(Stopped, match=r"^FAILED_DATA_ENCRYPTION$") as stopped:
        prepared(event, plan(encrypts=True, encryption=Broken()))
    assert stopped.value.__suppress_context__


def nested(levels: int) -> dict[str, Any]:
    innermost: dict[str, Any] = {}
    for _ in range(levels):
        innermost = {"a": innermost}
    return innermost


@pytest.mark.parametrize("value", ["lone \ud800", 2**70, nested(300)], ids=["surrogate", "integer", "depth"])
def test_what_only_lenient_json_can_carry_is_carried(value: Any) -> None:
    event = track("m", properties={"odd": value})
    assert json.loads(prepared(event, plan())) == event


@pytest.mark.parametrize("value", [nested(100_000), {1, 2}], ids=["depth", "no JSON"])
def test_what_no_json_can_carry_stops_as_internal(value: Any) -> None:
    assert reason(track("m", properties={"odd": value}), plan()) == "INTERNAL"


# Whatever the event looks like: the chosen fields come out encrypted and everything else as it was.

CHOSEN = ["email", "first name"]
KEYS = st.sampled_from(["email", "E-Mail", "e_mail", "firstName", "FIRST-NAME", "name", "plan", "x", "traits"])
LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["text", "long" * 100, "", "é\U0001f600"])
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
    ),
    max_size=4,
)
EVENTS = st.fixed_dictionaries(
    {"type": st.just("track"), "messageId": st.just("m"), "properties": TREES, "context": TREES},
    optional={"userId": LEAVES, "traits": TREES, "email": LEAVES, "integrations": st.just({})},
)


def with_secrets(value: Any, secrets: Iterator[int], *, matched: bool = False) -> Any:
    """The value with every leaf below a chosen key made one of a kind."""
    if isinstance(value, dict):
        return {
            key: with_secrets(held, secrets, matched=matched or fold(key) in {fold(term) for term in CHOSEN})
            for key, held in value.items()
        }
    if isinstance(value, list):
        return [with_secrets(item, secrets, matched=matched) for item in value]
    if not matched or value is None:
        return value
    return f"secret-{next(secrets)}-{value}" if isinstance(value, str) else next(secrets)


def read(value: Any, *, matched: bool = False) -> Any:
    """What arrived, read with the private key."""
    if isinstance(value, dict):
        names = {fold(term) for term in CHOSEN}
        return {key: read(held, matched=matched or fold(key) in names) for key, held in value.items()}
    if isinstance(value, list):
        return [read(item, matched=matched) for item in value]
    if not matched or value is None:
        return value
    plain = opened(value)
    return plain if plain.startswith("secret-") else orjson.loads(plain)


@settings(max_examples=80, deadline=None)
@given(event=EVENTS)
def test_no_chosen_plaintext_leaves_and_nothing_else_changes(event: dict[str, Any]) -> None:
    numbers = itertools.count(7_000_000_000)
    roots = {name: with_secrets(event[name], numbers) for name in ("properties", "context", "traits") if name in event}
    event = {**event, **roots}
    body = prepared(event, plan(*CHOSEN))
    assert not [number for number in range(7_000_000_000, next(numbers)) if str(number).encode() in body]
    arrived = orjson.loads(body)
    assert {name: read(held) if name in roots else held for name, held in arrived.items()} == event
