"""The numbers and pages of what became of a destination's events."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from destinations import status
from destinations.models import Attempt, Delivery, Destination
from destinations.status import explain, first_id_at
from tests.destinations.factories import DestinationFactory

pytestmark = pytest.mark.django_db

DAY = timedelta(hours=24)


@pytest.fixture
def destination(db: None) -> Destination:
    return DestinationFactory()


def id_of_age(age: timedelta, number: int = 0) -> uuid.UUID:
    """An id as it was drawn that long ago."""
    return uuid.UUID(int=first_id_at(timezone.now() - age).int + number)


def attempt(destination: Destination, number: int = 1, code: str = "", **facts: Any) -> Attempt:
    now = timezone.now()
    return Attempt.objects.create(
        destination=destination, message_id="m", event_type="track", number=number, received_at=now, tried_at=now,
        duration_ms=1, status_code=200, code=code, **facts,
    )  # fmt: skip


def delivery(destination: Destination, state: str, **facts: Any) -> Delivery:
    return Delivery.objects.create(
        workspace=destination.workspace, destination=destination, message_id="m", event_type="track", status=state,
        received_at=timezone.now(), sealed_body=b"sealed", log_partition=0, log_position=1, log_place=0, **facts,
    )  # fmt: skip


def pages_of(ask: Any, destination: Destination) -> list[list[uuid.UUID]]:
    """The ids of every page, asked for one after the other."""
    pages, before = [], None
    while True:
        page = ask(destination, before=before)
        pages.append([row.pk for row in page.rows])
        before = page.older
        if before is None:
            return pages


def test_attempts_come_newest_first_fifty_a_page(destination: Destination) -> None:
    ids = [attempt(destination, id=id_of_age(DAY, number)).pk for number in range(120)]
    attempt(DestinationFactory(source=destination.source))
    pages = pages_of(status.attempts, destination)
    assert [len(page) for page in pages] == [50, 50, 20]
    assert [pk for page in pages for pk in page] == ids[::-1]


@pytest.mark.parametrize(("count", "pages"), [(0, [0]), (1, [1]), (50, [50]), (51, [50, 1]), (100, [50, 50])])
def test_the_last_page_offers_no_older_one(destination: Destination, count: int, pages: list[int]) -> None:
    for number in range(count):
        attempt(destination, id=id_of_age(DAY, number))
    assert [len(page) for page in pages_of(status.attempts, destination)] == pages


def test_undelivered_are_dead_letters_and_held_events(destination: Destination) -> None:
    rows = {state: delivery(destination, state).pk for state in ("waiting", "dead", "delivered", "held")}
    delivery(DestinationFactory(source=destination.source), "dead")
    assert pages_of(status.undelivered, destination) == [[rows["held"], rows["dead"]]]


def test_undelivered_are_paged_too(destination: Destination) -> None:
    for number in range(60):
        delivery(destination, "dead", id=id_of_age(DAY, number))
    assert [len(page) for page in pages_of(status.undelivered, destination)] == [50, 10]


def test_bodies_are_not_even_read(destination: Destination) -> None:
    delivery(destination, "dead")
    (row,) = status.undelivered(destination).rows
    assert row.get_deferred_fields() == {"sealed_answer", "sealed_body"}


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("errors.discarded.401", "The destination did not accept the credentials in its settings."),
        ("errors.awaiting-retry.429", "The destination asked us to send more slowly."),
        ("errors.awaiting-retry.5xx", "The destination reported an error of its own."),
        ("errors.awaiting-retry.ECONNREFUSED", "The destination's server refused the connection."),
        ("errors.discarded.INVALID_SETTINGS", "The destination's settings cannot be used. Check them on the"),
        ("FAILED_DATA_ENCRYPTION", "Encrypting a chosen field or delivering the encrypted values failed"),
        ("errors.discarded.307", "The destination answered 307."),
        ("errors.discarded.SOMETHING_NEW", "SOMETHING_NEW"),
        ("", ""),
    ],
)
def test_codes_are_explained_in_a_sentence(code: str, says: str) -> None:
    assert explain(code).startswith(says)
    assert bool(explain(code)) == bool(says)


ERRORS = "ENOTFOUND EAI_AGAIN ECONNREFUSED ECONNRESET EHOSTUNREACH ETIMEDOUT TLS_FAILED 408 429 5xx"


@pytest.mark.parametrize("error", ERRORS.split())
def test_every_error_a_delivery_can_meet_has_a_sentence(error: str) -> None:
    assert explain(f"errors.awaiting-retry.{error}").endswith(".")


def test_ids_below_a_moment_are_older_than_it() -> None:
    moment = datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    found = first_id_at(moment)
    assert (found.version, found.variant, found.int >> 80) == (7, uuid.RFC_4122, int(moment.timestamp() * 1000))
    before = uuid.UUID(int=(found.int >> 80) - 1 << 80 | 7 << 76 | (1 << 76) - 1)
    assert before < found < uuid.UUID(int=found.int + 1)
