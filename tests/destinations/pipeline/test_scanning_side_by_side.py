"""Scanning by several worker processes at once, on whichever database the suite runs: every count exact."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import Sum

from destinations.delivery import ledger
from privacy import rulebooks
from privacy.models import BlockedCount, FieldEvent, FieldHour, ObservedField
from tests.destinations.factories import log_entry, track
from tests.destinations.pipeline.conftest import START, Process
from tests.destinations.pipeline.driving import came_in
from tests.destinations.receivers import wait_for
from workspaces.event_log import open_reader, open_writer
from workspaces.event_log.base import EventLogWriter
from workspaces.models import Source

PARTITIONS = 4
ROUNDS, EVENTS = 40, 15
NAMES = [f"field{number:02}" for number in range(30)]
VISITS = ("Visit Booked", "Visit Moved", "Visit Ended")


@contextmanager
def writers() -> Iterator[list[EventLogWriter]]:
    """One writer for each partition."""
    made = [open_writer() for _ in range(PARTITIONS)]
    yield made
    for writer in made:
        writer.close()


def is_taken(partition: int) -> bool:
    """Whether a worker has leased the partition."""
    probe = open_reader()
    try:
        return not probe.lease(partition)
    finally:
        probe.close()


def share_out(start_worker: Callable[[], Process]) -> list[Process]:
    """Two workers, each with half of the partitions: one alone would lease them all."""
    ours = open_reader()
    assert all(ours.lease(partition) for partition in (2, 3))
    first = start_worker()
    wait_for(lambda: is_taken(0) and is_taken(1), "the first has its half", START)
    first.send_signal(signal.SIGSTOP)
    ours.close()
    second = start_worker()
    wait_for(lambda: is_taken(2) and is_taken(3), "the second has its half", START)
    first.send_signal(signal.SIGCONT)
    return [first, second]


class Sent:
    """Events of many fields in ever other orders, and how often each must be counted."""

    def __init__(self, source: Source) -> None:
        self.source, self.drawn = source, random.Random(4711)
        self.fields: Counter[str] = Counter()
        self.events: Counter[tuple[str, str]] = Counter()
        self.blocked = self.count = 0

    def entry(self) -> Any:
        events = [self._event() for _ in range(EVENTS)]
        self.blocked += 2
        return log_entry(self.source, *events, blocked={"ssn": 2})

    def _event(self) -> dict[str, Any]:
        names, visit = self.drawn.sample(NAMES, 12), self.drawn.choice(VISITS)
        self.fields.update(names)
        self.events.update((name, visit) for name in names)
        self.count += 1
        return track(f"m-{self.count}", event=visit, properties=dict.fromkeys(names, 1))


def settled() -> int:
    return sum(ledger.saved_position(partition) for partition in range(PARTITIONS))


def test_nothing_seen_is_lost_or_counted_twice(start_worker: Callable[[], Process], source: Source) -> None:
    sent = Sent(source)
    with writers() as logs:
        for log in logs:  # a partition exists with its first entry
            log.append(sent.entry())
        _, second = share_out(start_worker)
        for number in range(ROUNDS):
            for log in logs:
                log.append(sent.entry())
            if number % 10 == 5:
                rulebooks.move(source.workspace_id, matchers=True)  # every row is brought up to date, by all of them
            if number == ROUNDS // 2:
                os.kill(second.pid, signal.SIGKILL)
                second.wait(START)
                start_worker()
    wait_for(lambda: settled() == PARTITIONS * (ROUNDS + 1), "everything is settled", START)
    assert came_in(source) == {"received": sent.count}
    by_hour = FieldHour.objects.values_list("field__name").annotate(n=Sum("count")).order_by()
    assert dict(by_hour) == sent.fields
    by_event = FieldEvent.objects.values_list("field__name", "event").annotate(n=Sum("count")).order_by()
    assert {(name, event): count for name, event, count in by_event} == sent.events
    assert BlockedCount.objects.aggregate(n=Sum("count")) == {"n": sent.blocked}
    assert sorted(ObservedField.objects.values_list("name", flat=True)) == NAMES
    assert not ObservedField.objects.filter(sealed_sample=b"").exists()
