"""Which fields an inventory blocks, and what of a request is stored then. Pure."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from privacy.rules.blocking import Blocking
from workspaces.tracking.controls import Controls
from workspaces.tracking.keeping import Kept, keep
from workspaces.tracking.kinds import MOST_DEPTH
from workspaces.tracking.sift import sift

SSN = Blocking({"ssn": "red"})


def kept(kind: str, content: Any, controls: Controls) -> tuple[Kept, list[tuple[int, str, str]]]:
    body = orjson.dumps(content)
    sifted = sift(kind, body)
    return keep(kind, body, sifted, controls), sifted.skip


def track(**fields: Any) -> dict[str, Any]:
    return {"type": "track", "userId": "u1", "event": "Visit", **fields}


@pytest.mark.parametrize(
    "path", ["ssn", "SSN", "s_s_n", "s-s-n", "sSn", "\uff53\uff53\uff4e", "patient.ssn", "patient.s_s_n"]
)
def test_a_red_field_is_blocked_in_every_spelling_wherever_it_stands(path: str) -> None:
    assert SSN.field_at(path) == "ssn"
    assert SSN.may_block(path)


@pytest.mark.parametrize("path", ["", "ssn2", "ssns", "s", "ssn.kind"])
def test_nothing_fuzzy_is_blocked(path: str) -> None:
    assert SSN.field_at(path) == ""


def test_an_entry_with_a_path_blocks_that_path_alone() -> None:
    blocking = Blocking({"patient.name": "red", "nick": "yellow"})
    told = {path: blocking.field_at(path) for path in ("patient.name", "Patient.NAME", "product.name", "name", "nick")}
    assert told == {
        "patient.name": "patient.name",
        "Patient.NAME": "patient.name",
        "product.name": "",
        "name": "",
        "nick": "",
    }
    assert (blocking.may_block("name"), blocking.may_block("nick")) == (True, False)


def test_the_whole_name_goes_before_the_last_key() -> None:
    blocking = Blocking({"name": "red", "product.name": "green"})
    assert (blocking.field_at("clinic.name"), blocking.field_at("product.name")) == ("name", "")


def test_values_go_at_any_depth_and_the_rest_stays() -> None:
    event = track(
        properties={"ssn": "1", "list": [{"SSN": "2", "a": 1}, [{"ssn": {"deep": "3"}}]], "b": 2},
        context={"traits": {"s_s_n": "4", "c": 3}},
        traits=[{"ssn": "5"}],
    )
    (body, blocked), _ = kept("track", event, Controls(SSN))
    assert blocked == {"ssn": 5}
    stored = orjson.loads(body)
    assert stored["properties"] == {"list": [{"a": 1}, [{}]], "b": 2}
    assert (stored["context"], stored["traits"]) == ({"traits": {"c": 3}}, [{}])


def test_a_body_without_a_blocked_field_is_stored_as_it_came() -> None:
    event = track(properties={"a": 1.10})
    assert kept("track", event, Controls(SSN))[0] == (orjson.dumps(event), {})


def test_a_batch_is_cleaned_in_its_root_and_loses_what_is_not_read_again() -> None:
    bad = {"type": "track", "properties": {"ssn": "in a discarded event"}}
    content = {"batch": [bad, track(properties={"a": 1})], "context": {"ssn": "7", "x": 1}, "odd": {"ssn": "8"}}
    (body, blocked), skip = kept("batch", content, Controls(SSN))
    assert skip == [(0, "track", "no_user_anon_id")]
    assert (orjson.loads(body), blocked) == (
        {"batch": [None, track(properties={"a": 1})], "context": {"x": 1}},
        {"ssn": 1},
    )


def test_a_suppressed_users_events_leave_nothing_and_the_others_keep_their_places() -> None:
    theirs, alias = track(userId="gone"), {"type": "alias", "userId": "u2", "previousId": "gone"}
    content = {"batch": [theirs, track(), alias], "sentAt": "2026-01-01T00:00:00Z"}
    (body, _), skip = kept("batch", content, Controls(is_suppressed="gone".__eq__))
    assert skip == [(0, "track", "suppressed_user"), (2, "alias", "suppressed_user")]
    assert orjson.loads(body) == {"batch": [None, track()], "sentAt": "2026-01-01T00:00:00Z"}


def test_what_a_batch_says_for_all_goes_with_a_suppressed_user_but_for_what_tells_of_nobody() -> None:
    said = {
        "context": {"traits": {"email": "gone@example.com"}, "ip": "192.0.2.9", "library": {"name": "x", "odd": 1}},
        "integrations": {"All": False, "Webhooks": {"session": "gone-1"}},
    }
    own = track(context={"traits": {"plan": "gold"}})
    content = {"batch": [track(userId="gone"), own], **said}
    controls = Controls(is_suppressed="gone".__eq__)
    assert orjson.loads(kept("batch", content, controls)[0].body) == {
        "batch": [None, own],
        "context": {"library": {"name": "x"}},
        "integrations": {"All": False, "Webhooks": True},
    }
    content = {"batch": [track(), own], **said}
    assert orjson.loads(kept("batch", content, controls)[0].body) == content


@pytest.mark.parametrize("kind", ["track", "batch"])
def test_of_a_request_with_nothing_else_no_body_is_stored(kind: str) -> None:
    content = track(userId="gone") if kind == "track" else {"batch": [track(userId="gone")]}
    assert kept(kind, content, Controls(is_suppressed="gone".__eq__)) == ((b"", {}), [(0, "track", "suppressed_user")])


def test_an_anonymous_event_is_nobodys() -> None:
    event = {"type": "track", "anonymousId": "gone", "event": "Visit", "userId": None}
    assert kept("track", event, Controls(is_suppressed="gone".__eq__))[0].body == orjson.dumps(event)


def test_a_batch_with_the_deepest_event_there_may_be_can_be_written_anew() -> None:
    deep: Any = 1
    for _ in range(MOST_DEPTH - 2):
        deep = {"a": deep}
    (body, blocked), skip = kept(
        "batch", {"batch": [track(properties=deep), track(properties={"ssn": 1})]}, Controls(SSN)
    )
    assert (skip, blocked) == ([], {"ssn": 1})
    assert orjson.loads(body)["batch"][1]["properties"] == {}


def test_a_batch_whose_discarded_event_is_too_deep_can_be_written_anew() -> None:
    body = b'{"batch":[{"type":"track","userId":"u","event":"E","properties":{"a":%s}},%s]}' % (
        b"[" * 600 + b"1" + b"]" * 600,
        orjson.dumps(track(properties={"ssn": 1})),
    )
    sifted = sift("batch", body)
    assert keep("batch", body, sifted, Controls(SSN)).blocked == {"ssn": 1}
    assert sifted.skip == [(0, "track", "bad_request")]


def test_a_batch_whose_sending_date_is_none_can_be_written_anew() -> None:
    """It may hold anything, deeper than can be written."""
    sent_at = b"[" * 300 + b"]" * 300
    body = b'{"sentAt": ' + sent_at + b', "batch": [' + orjson.dumps(track(messageId="a")) + b"]}"
    found = keep("batch", body, sift("batch", body), Controls(SSN))
    assert orjson.loads(found.body) == {"batch": [track(messageId="a")]}
