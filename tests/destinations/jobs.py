"""Jobs and waiting deliveries as the worker puts them into the ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from destinations.delivery import ledger
from destinations.delivery.ledger import Job, Page
from destinations.models import Delivery, Destination

RECEIVED = datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
NOW = 1_704_200_000.5  # when everything here is tried: 2024-01-02T12:53:20.5Z
AT_NOW = datetime.fromtimestamp(NOW, UTC)
BODY = b'{"event":"Visit"}'


def job_of(destination: Destination, message_id: str = "m-1", **facts: Any) -> Job:
    given = {"attempts": 1, "first_tried": NOW, "key_fingerprint": "AB:CD", "body": BODY, "place": (3, 14, 2)}
    return Job(destination.pk, destination.workspace_id, message_id, "track", RECEIVED, **{**given, **facts})


def waiting(destination: Destination, message_id: str = "m-1", *, due: float = NOW, **facts: Any) -> Delivery:
    """A delivery that waits to be tried again at `due`."""
    job, page = job_of(destination, message_id, **facts), Page()
    page.note_delivery(job, "waiting", "errors.awaiting-retry.5xx", next_try=due)
    ledger.write(page)
    return Delivery.objects.get(pk=job.delivery_id)
