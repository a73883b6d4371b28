"""The real worker, one turn after the other in the test's own thread, and what it left in the tables."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.db import connections
from django.utils import timezone

from destinations.delivery import ledger
from destinations.models import Attempt, Delivery, DeliveryCount, Destination
from destinations.pipeline.worker import Worker
from tests.destinations.factories import append_events, track
from workspaces.event_log import open_reader
from workspaces.models import EventCount, Source

DEADLINE = 30.0


class Driven:
    """A worker between whose turns the test can look. It is made, and leases its partitions, with the first turn."""

    def __init__(self) -> None:
        self._log = open_reader()

    @cached_property
    def real(self) -> Worker:
        return Worker()

    def turn(self) -> None:
        """One round of everything."""
        if not self.real._turn():
            time.sleep(0.002)

    def until(self, true: Callable[[], Any], what: str) -> None:
        """Turn until `true()`."""
        end = time.monotonic() + DEADLINE
        while not true():
            assert time.monotonic() < end, what
            self.turn()

    def work_off(self) -> None:
        """Turn until the whole log is settled and nothing is under way. What waits for its time goes on waiting."""
        self.turn()
        self.until(self._is_done, "the log is settled")

    def turns(self, count: int = 20) -> None:
        """Some turns in which nothing is expected to happen."""
        for _ in range(count):
            self.turn()

    def look_for_changes(self) -> None:
        """What an idle worker does every two seconds: look for new partitions and changed destinations."""
        self.real._lease_at = 0.0

    def _is_done(self) -> bool:
        sender = self.real._sender
        return not (sender.in_flight or sender._courier.queued or sender.loose or self._has_unsettled())

    def _has_unsettled(self) -> bool:
        partitions = self._log.partitions()
        return any(self._log.read(number, after=ledger.saved_position(number), limit=1) for number in partitions)

    def close(self) -> None:
        """End it without finishing anything."""
        self._log.close()
        if "real" in self.__dict__:
            self.real._sender.close()
            self.real._alerting.close()
            self.real._log.close()


@contextmanager
def running() -> Iterator[Worker]:
    """A worker that runs by itself, in a thread, as its process would; stopped and finished at the block's end."""
    worker = Worker()

    def run() -> None:
        try:
            worker.run()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(DEADLINE)
        assert not thread.is_alive()


def tries(destination: Destination) -> list[tuple[str, int, int | None, str]]:
    """Message id, number, status and code of every attempt, in order."""
    rows = Attempt.objects.filter(destination=destination).order_by("message_id", "number")
    return list(rows.values_list("message_id", "number", "status_code", "code"))


def outcomes(destination: Destination) -> dict[str, int]:
    """The destination's counts by outcome, over all hours and types."""
    found: dict[str, int] = {}
    for outcome, count in DeliveryCount.objects.filter(destination=destination).values_list("outcome", "count"):
        found[outcome] = found.get(outcome, 0) + count
    return found


def came_in(source: Source) -> dict[str, int]:
    """The source's counts by outcome, over all hours and types."""
    found: dict[str, int] = {}
    for outcome, count in EventCount.objects.filter(source=source).values_list("outcome", "count"):
        found[outcome] = found.get(outcome, 0) + count
    return found


def delivery() -> Delivery:
    """The only row of its table."""
    return Delivery.objects.get()


def body_of(row: Delivery) -> bytes:
    """What the row would send."""
    return ledger.open_body(row.pk, bytes(row.sealed_body))


def make_due() -> int:
    """Let the time of everything that waits and that nobody has claimed have come; how much there is."""
    waiting = Delivery.objects.filter(status=Delivery.Status.WAITING, claimed_until=None)
    return waiting.update(next_try_at=timezone.now() - timedelta(seconds=1))


def expire_claims() -> int:
    """Let the claims of a worker that is gone be over; how many there are."""
    claimed = Delivery.objects.filter(claimed_until__isnull=False)
    return claimed.update(claimed_until=timezone.now() - timedelta(seconds=1))


def send_one(worker: Driven, source: Source) -> Delivery:
    """The row of an event whose first try did not succeed."""
    append_events(source, track("m-1", properties={"note": "ü", "email": "jo@example.com"}))
    worker.until(Delivery.objects.exists, "the first try has failed")
    return delivery()


def try_again(worker: Driven) -> Delivery:
    """The row after one more try, whose time is made to have come."""
    before = delivery().attempts
    assert make_due() == 1
    worker.until(lambda: delivery().attempts > before, "it has been tried again")
    return delivery()


def wait_of(row: Delivery) -> float:
    """Seconds from now until the row's next try."""
    assert row.next_try_at is not None
    return row.next_try_at.timestamp() - time.time()
