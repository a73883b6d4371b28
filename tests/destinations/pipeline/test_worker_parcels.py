"""Events that share a request: how many, what becomes of each when some fail, and that none is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from destinations.catalog.base import Batching
from destinations.catalog.mixpanel import Mixpanel
from destinations.catalog.registry import CONNECTORS
from destinations.catalog.segment import Segment
from destinations.delivery import ledger
from destinations.models import Delivery, Destination
from tests.destinations.factories import append_events, encrypt_for, opened, track
from tests.destinations.pipeline.driving import Driven, came_in, make_due, outcomes, tries
from tests.destinations.pipeline.kinds import of_kind, settings_for
from tests.destinations.receivers import Answer, Got, Receiver
from workspaces.models import Source

WAITING, DISCARDED = "errors.awaiting-retry", "errors.discarded"


@pytest.fixture
def destination(own_log: None, source: Source, receiver: Receiver) -> Destination:
    return of_kind("segment", source, endpoint=receiver.url.removesuffix("/hook"), write_key="wk1")


def numbered(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [track(f"m-{n}", properties={"n": n}, **fields) for n in range(count)]


def sizes(receiver: Receiver) -> list[int]:
    return [len(body["batch"]) for body in receiver.events]


def arrived(receiver: Receiver) -> list[str]:
    return sorted(event["messageId"] for body in receiver.events for event in body["batch"])


def test_what_comes_together_goes_together(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    append_events(source, *numbered(5))
    worker.work_off()
    assert sizes(receiver) == [5]
    assert tries(destination) == [(f"m-{n}", 1, 200, "") for n in range(5)]
    assert outcomes(destination) == {"delivered": 5}
    assert not Delivery.objects.exists()


@pytest.mark.parametrize(("most", "parcels"), [((2, 10_000), [2, 2, 1]), ((99, 400), [1, 1, 1, 1, 1])])
def test_parcels_stay_within_what_the_receiver_takes(
    worker: Driven,
    source: Source,
    destination: Destination,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    most: tuple[int, int],
    parcels: list[int],
) -> None:
    monkeypatch.setattr(Segment, "batching", Batching(*most))
    append_events(source, *numbered(5))
    worker.work_off()
    assert sorted(sizes(receiver), reverse=True) == parcels
    assert arrived(receiver) == [f"m-{n}" for n in range(5)]


def test_a_refusal_finds_the_event_it_is_about(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    def refuses_three(got: Got) -> Answer:
        return Answer(400 if any(event["messageId"] == "m-3" for event in got.json["batch"]) else 200)

    receiver.answer = refuses_three
    append_events(source, *numbered(8))
    worker.work_off()
    good = [(f"m-{n}", 1, 200, "") for n in range(8) if n != 3]
    assert tries(destination) == sorted([*good, ("m-3", 1, 400, f"{DISCARDED}.400")])
    assert outcomes(destination) == {"delivered": 7, f"{DISCARDED}.400": 1}
    assert Delivery.objects.get().message_id == "m-3"


@pytest.mark.parametrize(("answer", "code"), [(Answer(500), "5xx"), (Answer(raw=b""), "ECONNRESET")])
def test_what_fails_as_a_whole_waits_event_by_event(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, answer: Answer, code: str
) -> None:
    receiver.says(answer)
    append_events(source, *numbered(3))
    worker.work_off()
    assert tries(destination) == [
        (f"m-{n}", 1, answer.status if code == "5xx" else None, f"{WAITING}.{code}") for n in range(3)
    ]
    receiver.says(200)
    assert make_due() == 3
    worker.until(lambda: not Delivery.objects.filter(status="waiting").exists(), "all are delivered")
    assert outcomes(destination) == {"retried": 3}
    assert set(arrived(receiver)) == {"m-0", "m-1", "m-2"}


def test_mixpanel_names_the_records_that_failed(
    worker: Driven, own_log: None, source: Source, receiver: Receiver
) -> None:
    host = receiver.url.removesuffix("/hook")
    mixpanel = of_kind("mixpanel", source, project_token="t", region="us", proxy_url=host)
    failed = {"code": 400, "failed_records": [{"index": 1, "insert_id": "m-1", "field": "x", "message": "y"}]}
    receiver.answer = lambda got: (
        Answer(400, body=json.dumps(failed).encode()) if "/import" in got.path else Answer(200)
    )
    identify = {"type": "identify", "userId": "u1", "messageId": "m-9", "traits": {"plan": "a"}}
    append_events(source, *numbered(3), identify)
    worker.work_off()
    assert sorted((got.path, len(got.json)) for got in receiver.got) == [
        ("/engage?verbose=1", 1),
        ("/import?strict=1", 3),
    ]
    assert outcomes(mixpanel) == {"delivered": 3, f"{DISCARDED}.MESSAGE_REJECTED": 1}
    assert Delivery.objects.get().message_id == "m-1"


@pytest.mark.parametrize("kind", ["segment", "amplitude", "mixpanel", "slack"])
def test_a_chosen_field_leaves_only_encrypted(
    worker: Driven, own_log: None, source: Source, receiver: Receiver, kind: str
) -> None:
    settings = settings_for(kind, receiver.url.removesuffix("/hook"))
    if kind == "slack":
        settings["text"] = "{{properties.email}}"
    encrypt_for(of_kind(kind, source, **settings), "email")
    append_events(
        source, track("m-1", properties={"email": "jo@example.com"}, context={"traits": {"email": "jo@example.com"}})
    )
    worker.work_off()
    (body,) = receiver.bodies
    assert b"jo@example.com" not in body
    found = json.loads(body)
    cipher = {
        "segment": lambda: found["batch"][0]["properties"]["email"],
        "amplitude": lambda: found["events"][0]["event_properties"]["email"],
        "mixpanel": lambda: found[0]["properties"]["email"],
        "slack": lambda: found["text"],
    }[kind]()
    assert opened(cipher) == "jo@example.com"


def test_a_stopping_worker_leaves_what_is_gathered_to_the_ledger(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    append_events(source, *numbered(3))
    worker.real._lease()
    worker.real._read()
    assert worker.real._sender.in_flight == 3
    worker.real._finish()
    assert receiver.got == []
    rows = Delivery.objects.order_by("message_id")
    assert [(row.message_id, row.status, row.attempts) for row in rows] == [(f"m-{n}", "waiting", 0) for n in range(3)]
    assert ledger.saved_position(rows[0].log_partition) == rows[0].log_position


def test_events_of_a_type_that_the_settings_do_not_choose_are_not_sent(
    worker: Driven, own_log: None, source: Source, receiver: Receiver
) -> None:
    host = receiver.url.removesuffix("/hook")
    slack = of_kind("slack", source, webhook_url=host, event_types=["identify"], text="{{userId}}")
    append_events(source, track("m-1"), {"type": "identify", "userId": "u7", "messageId": "m-2"})
    worker.work_off()
    assert receiver.events == [{"text": "u7"}]
    assert outcomes(slack) == {"delivered": 1, "UNSUPPORTED_EVENT_TYPE": 1}


def test_an_event_nobody_can_convert_spoils_no_other(
    worker: Driven, own_log: None, source: Source, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fragile(Mixpanel):
        def build_batch(self, items: Any, settings: Any) -> Any:
            assert not any(item.message_id == "m-1" for item in items)
            return super().build_batch(items, settings)

    monkeypatch.setitem(CONNECTORS, "mixpanel", Fragile())
    host = receiver.url.removesuffix("/hook")
    mixpanel = of_kind("mixpanel", source, project_token="t", region="us", proxy_url=host)
    append_events(source, *numbered(3))
    worker.work_off()
    assert outcomes(mixpanel) == {"delivered": 2, f"{DISCARDED}.INVALID_SETTINGS": 1}


def test_device_mode_sends_nothing_from_here(worker: Driven, own_log: None, source: Source) -> None:
    plugin = of_kind("browser-plugin", source, url="https://example.com/p.js", library_name="p", options="{}")
    append_events(source, track("m-1"))
    worker.work_off()
    assert came_in(source) == {"received": 1}
    assert outcomes(plugin) == {}
