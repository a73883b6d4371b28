"""What waits in the ledger: who may try it, when, and how it stands afterwards."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from destinations.delivery import ledger
from destinations.delivery.ledger import Job, Page
from destinations.models import Delivery, Destination
from tests.destinations.factories import DestinationFactory
from tests.destinations.jobs import AT_NOW, NOW, job_of, waiting

pytestmark = pytest.mark.django_db


@pytest.fixture
def destination(db: None) -> Destination:
    return DestinationFactory()


def claimed(destination: Destination, *, now: float = NOW, limit: int = 10) -> list[Job]:
    return ledger.claim_due(destination.pk, now, until=now + 60, limit=limit)


def test_a_claimed_job_is_what_was_put_down(destination: Destination) -> None:
    row = waiting(destination)
    (job,) = claimed(destination)
    assert job == job_of(destination, delivery_id=row.pk)
    row.refresh_from_db()
    assert row.claimed_until == datetime.fromtimestamp(NOW + 60, UTC)


def test_what_is_claimed_comes_back_when_the_claim_is_over(destination: Destination) -> None:
    waiting(destination)
    assert len(claimed(destination)) == 1
    assert claimed(destination, now=NOW + 59) == []
    assert len(claimed(destination, now=NOW + 61)) == 1


def test_only_what_is_due_is_claimed_and_the_oldest_first(destination: Destination) -> None:
    for name, due in (("later", NOW + 1), ("b", NOW - 1), ("a", NOW - 2), ("c", NOW)):
        waiting(destination, name, due=due)
    assert {job.message_id for job in claimed(destination, limit=2)} == {"a", "b"}
    assert {job.message_id for job in claimed(destination)} == {"c"}


def test_what_is_claimed_comes_in_the_order_of_the_log(destination: Destination) -> None:
    """An object in a store is named by its lines: written once more, it must not become a second one."""
    for position in (3, 1, 10, 2):
        row = waiting(destination, f"m{position}", due=NOW - position % 3)
        Delivery.objects.filter(pk=row.pk).update(log_position=position)
    assert [job.message_id for job in claimed(destination)] == ["m1", "m2", "m3", "m10"]


@pytest.mark.parametrize("status", ["dead", "held", "delivered"])
def test_what_has_ended_is_never_claimed(destination: Destination, status: str) -> None:
    waiting(destination)
    Delivery.objects.update(status=status)
    assert (claimed(destination), ledger.due_destinations(NOW)) == ([], [])


def test_destinations_with_something_due_are_named(destination: Destination) -> None:
    other = DestinationFactory(source=destination.source)
    waiting(destination)
    waiting(other, due=NOW + 1)
    assert ledger.due_destinations(NOW) == [destination.pk]
    assert set(ledger.due_destinations(NOW + 1)) == {destination.pk, other.pk}


def test_one_destinations_claim_leaves_anothers_alone(destination: Destination) -> None:
    other = DestinationFactory(source=destination.source)
    waiting(other, "other")
    assert claimed(destination) == []
    assert [job.message_id for job in claimed(other)] == ["other"]


def test_a_body_that_does_not_open_is_kept_and_the_others_go(
    destination: Destination, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = waiting(destination, "bad"), waiting(destination, "good")
    Delivery.objects.filter(pk=bad.pk).update(sealed_body=good.sealed_body)
    assert [job.message_id for job in claimed(destination)] == ["good"]
    bad.refresh_from_db()
    assert (bad.status, bytes(bad.sealed_body)) == ("waiting", bytes(good.sealed_body))
    assert f"the body of delivery {bad.pk} does not open" in caplog.text


def settle(job: Job, status: str, reason: str, **times: float) -> Delivery:
    page = Page()
    page.note_delivery(job, status, reason, **times)
    ledger.write(page)
    return Delivery.objects.get(pk=job.delivery_id)


def test_a_delivered_row_has_neither_body_nor_reason(destination: Destination) -> None:
    waiting(destination)
    (job,) = claimed(destination)
    job.attempts = 2
    row = settle(job, "delivered", "")
    assert (row.status, row.reason, row.attempts, bytes(row.sealed_body)) == ("delivered", "", 2, b"")
    assert (row.next_try_at, row.claimed_until, row.first_tried_at) == (None, None, AT_NOW)


def test_a_row_that_waits_again_keeps_its_body_and_lets_go_of_the_claim(destination: Destination) -> None:
    before = waiting(destination)
    (job,) = claimed(destination)
    job.attempts = 2
    row = settle(job, "waiting", "", next_try=NOW + 5)
    assert (row.status, row.reason, row.attempts) == ("waiting", before.reason, 2)
    assert (row.claimed_until, bytes(row.sealed_body)) == (None, bytes(before.sealed_body))


def test_the_first_try_of_a_parked_delivery_starts_its_window(destination: Destination) -> None:
    waiting(destination, attempts=0, first_tried=0.0)
    (job,) = claimed(destination)
    assert job.first_tried == 0.0
    job.attempts, job.first_tried = 1, NOW
    assert settle(job, "waiting", "e", next_try=NOW + 1).first_tried_at == AT_NOW


@pytest.mark.parametrize("status", ["delivered", "dead"])
def test_what_another_worker_settled_stays_settled(destination: Destination, status: str) -> None:
    waiting(destination)
    (late,), (job,) = claimed(destination), claimed(destination, now=NOW + 61)
    settle(job, status, "theirs" if status == "dead" else "")
    late.attempts = 7
    row = settle(late, "waiting", "ours", next_try=NOW)
    assert (row.status, row.attempts, row.reason != "ours") == (status, 1, True)
