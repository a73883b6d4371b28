"""Amplitude: events as its HTTP V2 API takes them, and requests that are refused for some of them."""

from __future__ import annotations

import json

import pytest

from destinations.catalog.amplitude import Amplitude, AmplitudeForm
from destinations.catalog.base import Verdict
from tests.destinations.catalog.conforming import Conforming, event, exchange, items, request_for, verdicts
from tests.destinations.receivers import Answer, Receiver

TIME = 1767323045678
AGAIN = (Verdict.RETRY, "errors.awaiting-retry.400")
REJECTED = (Verdict.DISCARD, "errors.discarded.MESSAGE_REJECTED")


class TestAmplitude(Conforming):
    connector = Amplitude()
    success = Answer(200, body=b'{"code":200,"events_ingested":1}')

    def settings(self, host: str) -> dict[str, str]:
        return {"api_key": "key1", "region": "us", "proxy_url": host}

    @pytest.mark.parametrize("listed", ["events_with_invalid_fields", "events_with_missing_fields"])
    def test_only_events_at_fault_are_discarded(self, receiver: Receiver, listed: str) -> None:
        answer = {"code": 400, "error": "Invalid events", listed: {"time": [1], "city": [1, 2]}}
        receiver.says(Answer(400, body=json.dumps(answer).encode()))
        four = items(*(event(f"m-{n}") for n in range(4)))
        response = exchange(self.connector.build_batch(four, self.settings(receiver.url.removesuffix("/hook"))))
        assert verdicts(self.connector.read_batch(response, four)) == [AGAIN, REJECTED, REJECTED, AGAIN]

    def test_a_wrong_key_refuses_them_all(self, receiver: Receiver) -> None:
        receiver.says(Answer(400, body=b'{"code":400,"error":"Invalid API key: key1","missing_field":null}'))
        two = items(event("m-1"), event("m-2"))
        response = exchange(self.connector.build_batch(two, self.settings(receiver.url.removesuffix("/hook"))))
        assert verdicts(self.connector.read_batch(response, two)) == [(Verdict.DISCARD, "errors.discarded.400")] * 2


def sent(**fields: object) -> dict[str, object]:
    request = request_for(Amplitude(), {"api_key": "key1", "region": "us"}, event(**fields))
    body = json.loads(request.body)
    assert (body["api_key"], body["options"]) == ("key1", {"min_id_length": 1})
    return body["events"][0]


def test_a_track_event() -> None:
    context = {
        "ip": "192.0.2.7",
        "device": {"id": "d1", "model": "X"},
        "app": {"version": "2"},
        "traits": {"a": 1},
    }
    assert sent(context=context) == {
        "event_type": "Visit Booked",
        "insert_id": "m-1",
        "time": TIME,
        "user_id": "u1",
        "device_id": "d1",
        "event_properties": {"ward": "North"},
        "user_properties": {"a": 1},
        "ip": "192.0.2.7",
        "device_model": "X",
        "app_version": "2",
        "library": "customer-data-pipeline",
    }


def test_identify_sets_user_properties_as_they_are_encrypted() -> None:
    made = sent(type="identify", traits={"email": "c1pher=="})
    assert (made["event_type"], made["user_properties"]) == ("$identify", {"email": "c1pher=="})
    assert "event_properties" not in made


@pytest.mark.parametrize(
    ("kind", "name", "called"),
    [
        ("page", "Home", "Viewed Home Page"),
        ("page", None, "Loaded a Page"),
        ("screen", "Labs", "Viewed Labs Screen"),
    ],
)
def test_pages_and_screens_are_called_by_their_name(kind: str, name: str | None, called: str) -> None:
    assert sent(type=kind, name=name)["event_type"] == called


@pytest.mark.parametrize(("region", "host"), [("us", "api2.amplitude.com"), ("eu", "api.eu.amplitude.com")])
def test_the_region_decides_the_host(region: str, host: str) -> None:
    request = request_for(Amplitude(), {"api_key": "k", "region": region, "proxy_url": ""}, event())
    assert (request.url, request.method) == (f"https://{host}/2/httpapi", "POST")


def test_the_form() -> None:
    assert [field.label for field in AmplitudeForm().fields.values()] == ["API Key", "Region", "Proxy URL"]
    assert AmplitudeForm({"api_key": "k", "region": "eu"}).is_valid()
    assert list(AmplitudeForm({"region": "mars"}).errors) == ["api_key", "region"]
