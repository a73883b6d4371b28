"""A deletion beside a worker that settles the same deliveries on PostgreSQL: one waits for the other, never both."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from destinations.deletion.waiting import Found, empty_deliveries
from destinations.delivery import ledger
from destinations.delivery.ledger import Page
from destinations.models import Delivery
from tests.destinations.factories import DestinationFactory
from tests.destinations.jobs import NOW, job_of, waiting
from tests.side_by_side import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_deletion_and_a_worker_take_rows_in_one_order() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("one write at a time there")
    destination = DestinationFactory()
    rows = [waiting(destination, name, place=(0, 1, place)) for place, name in enumerate("ab")]
    found = [
        Found(destination.workspace_id, (0, 1, place), row.message_id, b"subject") for place, row in enumerate(rows)
    ]

    def delete() -> None:
        with transaction.atomic():
            assert sum(empty_deliveries(found).values()) == 2

    def settle() -> None:
        page = Page()
        for row in reversed(rows):
            job = job_of(destination, row.message_id, delivery_id=row.pk, attempts=2)
            page.note_delivery(job, "waiting", "errors.awaiting-retry.5xx", next_try=NOW + 60)
        with transaction.atomic():
            ledger.write(page)

    assert at_once("destinations_delivery", delete, settle, in_turn=True) == []
    ended = Delivery.objects.values_list("status", "reason", "sealed_body")
    assert {(status, reason, bytes(body)) for status, reason, body in ended} == {("dead", "DELETED_BY_REGULATION", b"")}
