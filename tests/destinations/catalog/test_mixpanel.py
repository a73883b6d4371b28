"""Mixpanel: imported events, profiles, and records that fail among others that do not."""

from __future__ import annotations

import base64
import json

import pytest

from destinations.catalog.base import Verdict
from destinations.catalog.mixpanel import Mixpanel, MixpanelForm
from tests.destinations.catalog.conforming import (
    SUCCESS,
    Conforming,
    event,
    exchange,
    items,
    request_for,
    verdicts,
)
from tests.destinations.receivers import Answer, Receiver

TIME = 1767323045678
REJECTED = (Verdict.DISCARD, "errors.discarded.MESSAGE_REJECTED")


class TestMixpanel(Conforming):
    connector = Mixpanel()
    success = Answer(200, body=b'{"code":200,"num_records_imported":1,"status":"OK"}')

    def settings(self, host: str) -> dict[str, str]:
        return {"project_token": "tok1", "region": "us", "proxy_url": host}

    def test_a_partial_failure_discards_the_records_it_names(self, receiver: Receiver) -> None:
        failed = [{"index": 1, "insert_id": "m-1", "field": "properties.time", "message": "invalid"}]
        answer = {"code": 400, "num_records_imported": 2, "status": "Bad Request", "failed_records": failed}
        receiver.says(Answer(400, body=json.dumps(answer).encode()))
        three = items(*(event(f"m-{n}") for n in range(3)))
        response = exchange(self.connector.build_batch(three, self.settings(receiver.url.removesuffix("/hook"))))
        assert verdicts(self.connector.read_batch(response, three)) == [SUCCESS, REJECTED, SUCCESS]
        (got,) = receiver.got
        assert got.path == "/import?strict=1"
        assert got.header("Authorization") == "Basic " + base64.b64encode(b"tok1:").decode()

    def test_profiles_that_were_not_taken_are_discarded(self, receiver: Receiver) -> None:
        receiver.says(Answer(200, body=b'{"error":"some error","status":0}'))
        two = items(event("m-1", type="identify"), event("m-2", type="identify"))
        response = exchange(self.connector.build_batch(two, self.settings(receiver.url.removesuffix("/hook"))))
        assert verdicts(self.connector.read_batch(response, two)) == [REJECTED, REJECTED]
        assert receiver.got[0].path == "/engage?verbose=1"


def sent(**fields: object) -> dict[str, object]:
    settings = {"project_token": "tok1", "region": "us", "proxy_url": ""}
    (made,) = json.loads(request_for(Mixpanel(), settings, event(**fields)).body)
    return made


def test_a_track_event() -> None:
    assert sent() == {
        "event": "Visit Booked",
        "properties": {
            "ward": "North",
            "$insert_id": "m-1",
            "$user_id": "u1",
            "$device_id": "a1",
            "ip": "192.0.2.7",
            "distinct_id": "u1",
            "time": TIME,
        },
    }


def test_an_event_of_nobody_known_belongs_to_its_device() -> None:
    properties = sent(userId=None, properties={"distinct_id": "forged", "time": 1})["properties"]
    assert (properties["distinct_id"], properties["time"]) == ("$device:a1", TIME)


@pytest.mark.parametrize(("given", "kept"), [("m-1", True), ("x" * 36, True), ("x" * 37, False), ("a_b", False)])
def test_insert_ids_are_what_mixpanel_takes(given: str, kept: bool) -> None:
    insert_id = sent(messageId=given)["properties"]["$insert_id"]
    assert (insert_id == given) is kept
    assert len(insert_id) <= 36
    assert insert_id == sent(messageId=given)["properties"]["$insert_id"]


def test_identify_sets_a_profile() -> None:
    assert sent(type="identify", traits={"email": "c1pher=="}) == {
        "$token": "tok1",
        "$distinct_id": "u1",
        "$set": {"email": "c1pher=="},
        "$ip": "192.0.2.7",
    }


def test_events_and_profiles_never_share_a_request() -> None:
    assert len({Mixpanel().group_of(kind) for kind in ("track", "page", "screen")}) == 1
    assert Mixpanel().group_of("identify") != Mixpanel().group_of("track")


@pytest.mark.parametrize(("region", "host"), [("us", "api"), ("eu", "api-eu"), ("in", "api-in")])
def test_the_region_decides_the_host(region: str, host: str) -> None:
    request = request_for(Mixpanel(), {"project_token": "t", "region": region}, event())
    assert request.url == f"https://{host}.mixpanel.com/import?strict=1"


def test_the_form() -> None:
    assert [field.label for field in MixpanelForm().fields.values()] == ["Project Token", "Data Residency", "Proxy URL"]
    assert MixpanelForm({"project_token": "t", "region": "in"}).is_valid()
