"""Where tries end without success: a dead letter, its body kept sealed, its reason on record."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from destinations.delivery.backoff import MAX_ATTEMPTS, WINDOW
from destinations.models import Delivery, Destination
from tests.destinations.pipeline.driving import Driven, body_of, make_due, outcomes, send_one, tries, try_again
from tests.destinations.receivers import Answer, Receiver
from workspaces.models import Source

WAITING = "errors.awaiting-retry"


def test_a_retry_after_beyond_the_four_hours_ends_it(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    receiver.says(Answer(503, {"Retry-After": str(WINDOW + 1)}))
    row = send_one(worker, source)
    assert (row.status, row.attempts, row.next_try_at) == ("dead", 1, None)


def test_the_ninth_failure_makes_it_a_dead_letter(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    receiver.says(500)
    send_one(worker, source)
    for _ in range(MAX_ATTEMPTS - 2):
        assert try_again(worker).status == "waiting"
    row = try_again(worker)
    assert (row.status, row.reason, row.attempts, row.next_try_at) == ("dead", f"{WAITING}.5xx", 9, None)
    assert body_of(row) == receiver.got[8].body
    assert [number for _, number, *_ in tries(destination)] == list(range(1, 10))
    assert outcomes(destination) == {f"{WAITING}.5xx": 1}


def test_after_four_hours_the_next_failure_makes_it_a_dead_letter(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    receiver.says(500)
    send_one(worker, source)
    Delivery.objects.update(first_tried_at=timezone.now() - timedelta(seconds=WINDOW))
    row = try_again(worker)
    assert (row.status, row.attempts) == ("dead", 2)
    assert body_of(row) == receiver.got[0].body
    make_due()
    worker.turns()
    assert len(receiver.got) == 2


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 410, 422])
def test_what_is_refused_for_good_is_a_dead_letter_at_once(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, status: int
) -> None:
    receiver.says(Answer(status, {"Location": "/elsewhere", "Retry-After": "1"}))
    row = send_one(worker, source)
    code = f"errors.discarded.{status}"
    assert (row.status, row.reason, row.attempts, row.next_try_at) == ("dead", code, 1, None)
    worker.turns()
    assert [got.path for got in receiver.got] == ["/hook"]
    assert body_of(row) == receiver.got[0].body
    assert (tries(destination), outcomes(destination)) == ([("m-1", 1, status, code)], {code: 1})


def test_a_refusal_on_retry_ends_it_too(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    receiver.says(500, 401)
    send_one(worker, source)
    row = try_again(worker)
    assert (row.status, row.reason, row.attempts) == ("dead", "errors.discarded.401", 2)
    assert body_of(row) == receiver.got[0].body
    assert outcomes(destination) == {"errors.discarded.401": 1}


def test_an_address_that_is_not_allowed_is_a_setting_to_mend(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, settings: Any
) -> None:
    settings.DELIVERY_ALLOWED_NETWORKS = []
    row = send_one(worker, source)
    assert (row.status, row.reason) == ("dead", "errors.discarded.INVALID_SETTINGS")
    assert receiver.connections == 0
