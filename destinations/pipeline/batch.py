"""A batch of log entries on its way through the pipeline: read, prepared for each destination, settled."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from destinations.delivery.ledger import Job, Page
from destinations.models import Delivery
from destinations.pipeline.plan import DestinationPlan, Plans
from destinations.pipeline.steps import FAILED_DATA_ENCRYPTION, Event, Stopped, prepared
from workspaces.event_counts import CountKey
from workspaces.event_log.base import Entry
from workspaces.event_log.duplicates import Message, first_seen
from workspaces.tracking.unpack import unpack

RECEIVED, DUPLICATE = "received", "duplicate"

HOUR = 3_600_000_000  # microseconds

Tally = Counter[CountKey]


@dataclass(slots=True)
class Batch:
    """Entries of one partition. It is done when every job is; then its page and position are written together."""

    partition: int
    position: int  # of its last entry
    page: Page = field(default_factory=Page)
    event_counts: dict[CountKey, int] = field(default_factory=dict)
    open_jobs: int = 0


class _Taken(msgspec.Struct):
    """One event, as far as it is needed once it has been prepared: what would be sent of it and what stopped."""

    message: Message
    hour: datetime
    event_type: str
    jobs: list[Job]
    stopped: list[tuple[Job, str]]


def prepare(entries: Sequence[Entry], plans: Plans) -> tuple[Batch, list[Job]]:
    """Take the entries through every step that is ours; the jobs are what is to be sent.

    Each event is opened, filtered, encrypted and serialised in one go, while it is at hand, and forgotten; whether it
    is a duplicate is asked for all of them at once. Raises SealError where an entry does not open.
    """
    batch, tally = Batch(entries[0].partition, entries[-1].position), Tally()
    taken = [event for entry in entries for event in _taken(entry, plans, tally)]
    first = first_seen([event.message for event in taken])
    jobs: list[Job] = []
    for event in taken:
        source_id, entry_id, place, _ = event.message
        if (entry_id, place) not in first:
            tally[source_id, event.hour, event.event_type, DUPLICATE] += 1
            continue
        tally[source_id, event.hour, event.event_type, RECEIVED] += 1
        jobs += event.jobs
        for job, code in event.stopped:
            _note_stop(batch.page, job, code)
    batch.event_counts = dict(tally)
    batch.open_jobs = len(jobs)
    return batch, jobs


def _taken(entry: Entry, plans: Plans, tally: Tally) -> Iterator[_Taken]:
    unpacked = unpack(entry)
    received, hour = datetime.fromtimestamp(entry.received_at / 1_000_000, UTC), _start_of(entry.received_at // HOUR)
    for event_type, code in unpacked.discarded:
        tally[entry.source_id, hour, event_type, code] += 1
    destinations = plans.by_source.get(entry.source_id, ())
    for place, event in unpacked.events:
        message = Message(entry.source_id, entry.entry_id, place, event["messageId"])
        taken = _Taken(message, hour, event["type"], [], [])
        for plan in destinations:
            job = _job(event, plan, (entry.partition, entry.position, place), received, hour)
            try:
                job.body = prepared(event, plan)
                taken.jobs.append(job)
            except Stopped as stopped:
                taken.stopped.append((job, stopped.code))
        yield taken


def _job(event: Event, plan: DestinationPlan, place: tuple[int, int, int], received: datetime, hour: datetime) -> Job:
    return Job(
        destination_id=plan.id,
        workspace_id=plan.workspace_id,
        message_id=event["messageId"],
        event_type=event["type"],
        received_at=received,
        body=b"",
        key_fingerprint=plan.key_fingerprint,
        place=place,
        hour=hour,
    )


@functools.lru_cache(maxsize=64)
def _start_of(hour: int) -> datetime:
    """One object for each hour since 1970: it stands in the keys of every count."""
    return datetime.fromtimestamp(hour * 3600, UTC)


def _note_stop(page: Page, job: Job, code: str) -> None:
    page.count(job, code)
    if code == FAILED_DATA_ENCRYPTION:
        page.note_delivery(job, Delivery.Status.HELD, code)
