"""What failed is tried again: when, with what, and that it arrives in the end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from destinations.catalog.base import Request
from destinations.catalog.registry import CONNECTORS
from destinations.catalog.webhooks import Webhooks
from destinations.delivery.backoff import FIRST_CAP, GROWTH, MAX_ATTEMPTS
from destinations.models import Attempt, Delivery, DeliveryCount, Destination
from destinations.settings_store import seal_settings
from tests.destinations.factories import append_events, encrypt_for, opened, track
from tests.destinations.pipeline.driving import (
    Driven,
    body_of,
    delivery,
    make_due,
    outcomes,
    send_one,
    tries,
    try_again,
    wait_of,
)
from tests.destinations.receivers import Answer, Receiver
from tests.servers import free_port
from workspaces.models import Source

DOWN, BUSY, RESET = Answer(500), Answer(429), Answer(raw=b"")
WAITING = "errors.awaiting-retry"


class Impatient(Webhooks):
    """Webhooks that wait for an answer no longer than 200 ms."""

    def build_request(self, *args: Any, **facts: Any) -> Request:
        return msgspec.structs.replace(super().build_request(*args, **facts), timeout=0.2)


@pytest.mark.parametrize(
    "case",
    [
        (DOWN, 500, "5xx"),
        (Answer(503), 503, "5xx"),
        (Answer(599), 599, "5xx"),
        (BUSY, 429, "429"),
        (Answer(408), 408, "408"),
        (RESET, None, "ECONNRESET"),
    ],
    ids=lambda case: case[2],
)
def test_a_failure_that_may_pass_waits_for_its_next_try(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, case: tuple[Answer, Any, str]
) -> None:
    answer, status, code = case
    receiver.says(answer)
    row = send_one(worker, source)
    assert (row.status, row.reason, row.attempts, row.claimed_until) == ("waiting", f"{WAITING}.{code}", 1, None)
    assert wait_of(row) <= FIRST_CAP
    assert body_of(row) == receiver.got[0].body
    assert (tries(destination), outcomes(destination)) == ([("m-1", 1, status, f"{WAITING}.{code}")], {})


def test_no_answer_in_time_waits_for_its_next_try(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONNECTORS, "webhooks", Impatient())
    receiver.hold()
    assert send_one(worker, source).status == "waiting"
    assert tries(destination) == [("m-1", 1, None, f"{WAITING}.ETIMEDOUT")]
    assert Attempt.objects.get().duration_ms >= 200


def test_a_receiver_that_is_not_there_waits_for_its_next_try(
    worker: Driven, source: Source, destination: Destination
) -> None:
    point_at(destination, f"http://127.0.0.1:{free_port()}/")
    assert send_one(worker, source).reason == f"{WAITING}.ECONNREFUSED"


def switch(worker: Driven, destination: Destination, *, enabled: bool) -> None:
    destination.enabled = enabled
    destination.revision += 1
    destination.save()
    worker.look_for_changes()


def point_at(destination: Destination, url: str) -> None:
    destination.sealed_settings = seal_settings({"url": url}, owner_id=destination.pk)
    destination.revision += 1
    destination.save()


def test_every_try_sends_the_same_bytes_and_message_id(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    encrypt_for(destination, "email")
    receiver.says(500, 429, 503, 200)
    send_one(worker, source)
    for _ in range(3):
        try_again(worker)
    assert receiver.message_ids == ["m-1"] * 4
    assert len(set(receiver.bodies)) == len({got.header("X-Signature") for got in receiver.got}) == 1
    assert [got.header("X-Retry-Count") for got in receiver.got] == ["0", "1", "2", "3"]
    assert opened(receiver.events[3]["properties"]["email"]) == "jo@example.com"


def test_delivered_in_the_end_the_row_says_so_and_its_body_is_gone(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    receiver.says(500, 200)
    send_one(worker, source)
    row = try_again(worker)
    assert (row.status, row.reason, row.attempts, bytes(row.sealed_body)) == ("delivered", "", 2, b"")
    assert (row.next_try_at, row.claimed_until) == (None, None)
    assert tries(destination) == [("m-1", 1, 500, f"{WAITING}.5xx"), ("m-1", 2, 200, "")]
    assert outcomes(destination) == {"retried": 1}


def test_what_was_delivered_is_neither_sent_nor_counted_again(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    receiver.says(500, 200)
    send_one(worker, source)
    try_again(worker)
    assert make_due() == 0
    worker.turns()
    assert (len(receiver.got), len(tries(destination)), outcomes(destination)) == (2, 2, {"retried": 1})


def test_nothing_is_tried_before_its_time(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    receiver.says(500)
    send_one(worker, source)
    Delivery.objects.update(next_try_at=timezone.now() + timedelta(minutes=1))
    worker.turns()
    assert len(receiver.got) == 1


def test_waits_stay_below_caps_that_grow_threefold(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    receiver.says(500)
    rows = [send_one(worker, source), *(try_again(worker) for _ in range(MAX_ATTEMPTS - 2))]
    for done, row in enumerate(rows):
        assert wait_of(row) <= FIRST_CAP * GROWTH**done
    assert len({row.first_tried_at for row in rows}) == 1


@pytest.mark.parametrize("asked", [120, 14_000])
def test_retry_after_is_honoured(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, asked: int
) -> None:
    receiver.says(Answer(429, {"Retry-After": str(asked)}))
    row = send_one(worker, source)
    assert row.status == "waiting"
    assert asked - 20 < wait_of(row) <= asked + FIRST_CAP


def test_a_mended_destination_gets_what_waits(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, another: Receiver
) -> None:
    receiver.says(500)
    send_one(worker, source)
    point_at(destination, another.url)
    worker.look_for_changes()
    assert try_again(worker).status == "delivered"
    assert (another.message_ids, another.bodies) == (["m-1"], receiver.bodies)


def test_a_disabled_destination_keeps_what_waits_until_it_is_enabled_again(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    receiver.says(500, 200)
    send_one(worker, source)
    switch(worker, destination, enabled=False)
    make_due()
    worker.turns()
    assert (len(receiver.got), delivery().status) == (1, "waiting")
    switch(worker, destination, enabled=True)
    worker.until(lambda: delivery().status == "delivered", "it is delivered after all")


def test_retries_and_new_events_are_counted_together(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    receiver.says(500, 200)
    send_one(worker, source)
    make_due()
    append_events(source, track("m-2"))
    worker.until(lambda: sum(outcomes(destination).values()) == 2, "both are delivered")
    assert outcomes(destination) == {"retried": 1, "delivered": 1}
    assert DeliveryCount.objects.count() == 2
