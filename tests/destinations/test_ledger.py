"""Rows of the ledger: written in bulk, repeated without harm, sealed at rest."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from destinations.delivery import ledger
from destinations.delivery.ledger import Page
from destinations.models import Attempt, Delivery, DeliveryCount, Destination
from tests.destinations.factories import DestinationFactory
from tests.destinations.jobs import AT_NOW, BODY, NOW, RECEIVED, job_of, waiting
from workspaces.models import LogPosition
from workspaces.sealing import SealError

pytestmark = pytest.mark.django_db

HOUR = datetime(2024, 1, 2, 3, tzinfo=UTC)


@pytest.fixture
def destination(db: None) -> Destination:
    return DestinationFactory()


def test_an_attempt_is_kept_as_it_went(destination: Destination) -> None:
    page = Page()
    page.note_attempt(job_of(destination), tried_at=NOW, duration_ms=12, status_code=503, code="errors.x")
    ledger.write(page)
    row = Attempt.objects.get()
    assert (row.destination, row.message_id, row.event_type, row.number) == (destination, "m-1", "track", 1)
    assert (row.received_at, row.tried_at, row.duration_ms) == (RECEIVED, AT_NOW, 12)
    assert (row.status_code, row.code, row.key_fingerprint) == (503, "errors.x", "AB:CD")


def test_a_delivery_is_kept_with_its_body_sealed(destination: Destination) -> None:
    row = waiting(destination, due=NOW + 9)
    assert (row.workspace_id, row.destination, row.message_id) == (destination.workspace_id, destination, "m-1")
    assert (row.status, row.reason, row.attempts) == ("waiting", "errors.awaiting-retry.5xx", 1)
    assert (row.received_at, row.first_tried_at, row.claimed_until) == (RECEIVED, AT_NOW, None)
    assert row.next_try_at == datetime.fromtimestamp(NOW + 9, UTC)
    assert (row.log_partition, row.log_position, row.log_place) == (3, 14, 2)
    assert ledger.open_body(row.pk, bytes(row.sealed_body)) == BODY
    assert b"Visit" not in bytes(row.sealed_body)


def test_a_body_moved_to_another_row_does_not_open(destination: Destination) -> None:
    row = waiting(destination)
    with pytest.raises(SealError):
        ledger.open_body(uuid.uuid4(), bytes(row.sealed_body))


def test_a_held_delivery_has_no_body(destination: Destination) -> None:
    page = Page()
    page.note_delivery(job_of(destination, attempts=0, first_tried=0.0), "held", "FAILED_DATA_ENCRYPTION")
    ledger.write(page)
    row = Delivery.objects.get()
    assert (row.status, row.reason, bytes(row.sealed_body)) == ("held", "FAILED_DATA_ENCRYPTION", b"")
    assert (row.first_tried_at, row.next_try_at) == (None, None)


def test_a_page_written_twice_has_its_rows_once(destination: Destination) -> None:
    page, job = Page(), job_of(destination)
    page.note_attempt(job, tried_at=NOW, duration_ms=1, status_code=500, code="e")
    page.note_delivery(job, "waiting", "e", next_try=NOW)
    for _ in range(2):
        ledger.write(page)
    assert (Attempt.objects.count(), Delivery.objects.count()) == (1, 1)


def test_rows_of_destinations_that_are_gone_are_left_out(destination: Destination) -> None:
    gone = DestinationFactory(source=destination.source)
    page, jobs = Page(), [job_of(gone, "gone"), job_of(destination, "here")]
    Destination.objects.filter(pk=gone.pk).delete()
    for job in jobs:
        page.note_attempt(job, tried_at=NOW, duration_ms=1, status_code=200, code="")
        page.note_delivery(job, "dead", "e")
        page.count(job, "e")
    ledger.write(page)
    assert list(Attempt.objects.values_list("message_id", flat=True)) == ["here"]
    assert list(Delivery.objects.values_list("message_id", flat=True)) == ["here"]
    assert list(DeliveryCount.objects.values_list("destination", flat=True)) == [destination.pk]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a\0b", "a\ufffdb"),
        ("lone \ud800", "lone ?"),
        ("line\nbreak", "line\nbreak"),
        ("é\u00a0\U0001f600", "é\u00a0\U0001f600"),
        ("x" * 100, "x" * 100),
        ("\0" * 100, "\ufffd" * 100),
    ],
    ids=["NUL", "surrogate", "line break", "printable", "long", "long NUL"],
)
def test_message_ids_no_column_takes_are_kept_readable(destination: Destination, given: str, kept: str) -> None:
    page, job = Page(), job_of(destination, given)
    page.note_attempt(job, tried_at=NOW, duration_ms=1, status_code=200, code="")
    page.note_delivery(job, "dead", "e")
    ledger.write(page)
    assert (Attempt.objects.get().message_id, Delivery.objects.get().message_id) == (kept, kept)


def test_counts_add_up_over_pages(destination: Destination) -> None:
    for count in (2, 3):
        page = Page()
        for _ in range(count):
            page.count(job_of(destination), "delivered")
        ledger.write(page)
    rows = DeliveryCount.objects.values_list("destination", "hour", "event_type", "outcome", "count")
    assert list(rows) == [(destination.pk, HOUR, "track", "delivered", 5)]


def test_a_retry_and_a_first_try_are_counted_in_one_page(destination: Destination) -> None:
    waiting(destination)
    (retried,) = ledger.claim_due(destination.pk, NOW, until=NOW + 60, limit=1)
    page = Page()
    for job in (job_of(destination), retried):
        page.count(job, "delivered")
    ledger.write(page)
    assert DeliveryCount.objects.get().count == 2


def test_pages_can_be_put_together(destination: Destination) -> None:
    pages = []
    for name in ("a", "b"):
        page, job = Page(), job_of(destination, name)
        page.note_attempt(job, tried_at=NOW, duration_ms=1, status_code=200, code="")
        page.note_delivery(job, "dead", "e")
        page.count(job, "e")
        pages.append(page)
    pages[0].add(pages[1])
    ledger.write(pages[0])
    assert (Attempt.objects.count(), Delivery.objects.count(), DeliveryCount.objects.get().count) == (2, 2, 2)


def test_an_empty_page_is_nothing_to_write(django_assert_num_queries: Any) -> None:
    assert not Page()
    with django_assert_num_queries(0):
        ledger.write(Page())


def test_positions_never_go_back() -> None:
    for position in (5, 3, 8):
        ledger.save_positions({0: position, 7: 1})
    assert (ledger.saved_position(0), ledger.saved_position(7), ledger.saved_position(1)) == (8, 1, 0)
    assert set(LogPosition.objects.values_list("consumer", flat=True)) == {"delivery"}
