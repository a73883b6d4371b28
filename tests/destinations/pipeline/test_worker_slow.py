"""A receiver that hangs, drags or is dead: the log goes on, others get everything, and it gets its events later."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from destinations.delivery import ledger
from destinations.models import Attempt, Delivery, Destination
from destinations.pipeline import circuit, sending
from destinations.pipeline import worker as worker_module
from tests.destinations.factories import DestinationFactory, append, append_events, log_entry, track
from tests.destinations.pipeline.driving import Driven, delivery, make_due, outcomes, tries
from tests.destinations.receivers import Receiver
from tests.servers import free_port
from workspaces.models import Source

CAP = 32  # of one destination under way


@pytest.fixture(autouse=True)
def little_patience(own_log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches wait for a job 50 ms instead of a second."""
    monkeypatch.setattr(sending, "PATIENCE", 0.05)


@pytest.fixture
def quick(source: Source, destination: Destination, another: Receiver) -> Destination:
    """A second destination of the source, with a receiver that answers at once."""
    return DestinationFactory(source=source, url=another.url)


def events(count: int, first: int = 0) -> list[dict]:
    return [track(f"m{number:03}") for number in range(first, first + count)]


def names(count: int, first: int = 0) -> list[str]:
    return [event["messageId"] for event in events(count, first)]


def read_to_the_end(worker: Driven) -> None:
    worker.until(lambda: not worker._has_unsettled(), "the log's position goes on")


def test_a_receiver_that_hangs_slows_neither_the_log_nor_another(
    worker: Driven, source: Source, quick: Destination, receiver: Receiver, another: Receiver
) -> None:
    receiver.hold()
    append_events(source, *events(60))
    worker.until(lambda: len(tries(quick)) == 60, "the other has everything")
    read_to_the_end(worker)
    assert (sorted(another.message_ids), outcomes(quick)) == (names(60), {"delivered": 60})
    assert (len(receiver.got), ledger.saved_position(0)) == (CAP, 1)


def test_what_it_did_not_take_it_gets_later_and_nothing_twice(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    receiver.hold()
    append_events(source, *events(60))
    worker.until(lambda: Delivery.objects.count() == 60, "every event has a row of its own")
    receiver.release()
    worker.until(lambda: make_due() == 0 and len(tries(destination)) == 60, "all are delivered")
    assert sorted(receiver.message_ids) == names(60)
    assert outcomes(destination) == {"delivered": 60}
    assert set(Delivery.objects.values_list("status", "attempts")) == {("delivered", 1)}


def test_what_is_under_way_is_ours_while_it_goes_on(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    receiver.hold()
    append_events(source, track("m-1"))
    worker.until(Delivery.objects.exists, "it has a row of its own")
    row = delivery()
    assert (row.status, row.reason, row.attempts, row.first_tried_at) == ("waiting", "", 0, None)
    assert row.claimed_until > timezone.now() + timedelta(seconds=30)
    receiver.release()
    worker.work_off()
    row.refresh_from_db()
    assert (row.status, row.attempts, bytes(row.sealed_body)) == ("delivered", 1, b"")
    assert (len(receiver.got), outcomes(destination)) == (1, {"delivered": 1})


def test_what_fails_late_waits_for_its_next_try(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    receiver.says(500)
    receiver.hold()
    append_events(source, track("m-1"))
    worker.until(Delivery.objects.exists, "it has a row of its own")
    receiver.release()
    worker.until(lambda: delivery().attempts == 1, "it has failed")
    row = delivery()
    assert (row.status, row.reason, row.claimed_until) == ("waiting", "errors.awaiting-retry.5xx", None)
    assert row.first_tried_at is not None


def test_what_was_parked_was_not_tried(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    receiver.hold()
    append_events(source, *events(CAP + 1))
    worker.until(lambda: Delivery.objects.count() == CAP + 1, "every event has a row of its own")
    parked = Delivery.objects.get(claimed_until=None)
    assert (parked.status, parked.reason, parked.attempts, parked.first_tried_at) == ("waiting", "", 0, None)
    assert not Attempt.objects.exists()
    receiver.release()
    worker.until(lambda: make_due() == 0 and len(tries(destination)) == CAP + 1, "all are delivered")
    assert {got.header("X-Retry-Count") for got in receiver.got} == {"0"}


def test_a_destination_that_lags_behind_gets_less_into_memory(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "BACKLOG_LIMIT", 10)
    receiver.hold()
    append_events(source, *events(50))
    worker.until(lambda: Delivery.objects.count() == 50, "every event has a row of its own")
    assert len(receiver.got) == 10


def test_with_little_room_everything_still_arrives_once(
    worker: Driven, source: Source, quick: Destination, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "QUEUE_ENOUGH", 5)
    monkeypatch.setattr(sending, "RETRIES_EACH", 7)
    monkeypatch.setattr(worker_module, "BATCH_EVENTS", 10)
    monkeypatch.setattr(worker_module, "BATCHES_OPEN", 2)
    append(*(log_entry(source, event) for event in events(200)))
    worker.until(lambda: make_due() == 0 and len(tries(quick)) == len(receiver.got) == 200, "all are delivered")
    assert sorted(receiver.message_ids) == names(200)
    assert outcomes(quick) == {"delivered": 200}


def fail_often(worker: Driven, source: Source, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the receiver fail twenty times in a row: from then on it gets probes instead of every event."""
    monkeypatch.setattr(sending, "PATIENCE", 60.0)
    receiver.says(500)
    append_events(source, *events(circuit.FAILURES_TO_OPEN))
    worker.until(lambda: Attempt.objects.count() == circuit.FAILURES_TO_OPEN, "it has failed often enough")


def test_events_for_a_dead_receiver_are_parked_untried(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuit, "FIRST_PAUSE", 1000.0)
    fail_often(worker, source, receiver, monkeypatch)
    append_events(source, *events(30, first=100))
    worker.until(lambda: Delivery.objects.filter(message_id__gte="m100").count() == 30, "they are parked")
    make_due()
    worker.turns()
    assert len(receiver.got) == Attempt.objects.count() == circuit.FAILURES_TO_OPEN
    assert Delivery.objects.filter(status="waiting", attempts=0).count() == 30


def test_once_a_probe_gets_through_everything_follows(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuit, "FIRST_PAUSE", 0.2)
    fail_often(worker, source, receiver, monkeypatch)
    append_events(source, *events(30, first=100))
    receiver.says(200)
    read_to_the_end(worker)
    worker.until(lambda: make_due() == 0 and not waiting(), "everything is delivered")
    assert outcomes(destination) == {"retried": circuit.FAILURES_TO_OPEN, "delivered": 30}


def waiting() -> int:
    return Delivery.objects.filter(status="waiting").count()


def test_a_dead_receiver_does_not_close_the_way_to_another(
    worker: Driven, source: Source, quick: Destination, receiver: Receiver, another: Receiver
) -> None:
    receiver.says(500)
    for first in (0, 100, 200):
        append_events(source, *events(30, first))
        read_to_the_end(worker)
    worker.until(lambda: len(tries(quick)) == 90, "the other has everything")
    assert sorted(another.message_ids) == [*names(30), *names(30, 100), *names(30, 200)]


def test_a_port_nobody_listens_on_slows_no_other(
    worker: Driven, source: Source, another: Receiver, destination: Destination
) -> None:
    DestinationFactory(source=source, url=f"http://127.0.0.1:{free_port()}/")
    for first in (0, 100):
        append_events(source, *events(100, first))
        read_to_the_end(worker)
    worker.until(lambda: len(tries(destination)) == 200, "the other has everything")
    assert (outcomes(destination), ledger.saved_position(0)) == ({"delivered": 200}, 2)


def test_many_hanging_destinations_slow_no_other(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, another: Receiver
) -> None:
    another.hold()
    for _ in range(8):
        DestinationFactory(source=source, url=another.url)
    append_events(source, *events(40))
    worker.until(lambda: make_due() >= 0 and len(tries(destination)) == 40, "the healthy one has everything")
    read_to_the_end(worker)
    assert sorted(receiver.message_ids) == names(40)
