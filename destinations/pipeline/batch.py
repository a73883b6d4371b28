"""A batch of log entries on its way through the pipeline: read, prepared for each destination, settled."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson

from destinations.delivery.ledger import Job, Page
from destinations.models import Delivery
from destinations.pipeline.plan import DestinationPlan, Plans
from destinations.pipeline.steps import FAILED_DATA_ENCRYPTION, MESSAGE_REJECTED, Event, Stopped, prepared
from workspaces.event_counts import CountKey
from workspaces.event_log.base import Entry
from workspaces.event_log.duplicates import first_seen
from workspaces.tracking.unpack import Unpacked, unpack

RECEIVED, DUPLICATE = "received", "duplicate"


@dataclass(slots=True)
class Batch:
    """Entries of one partition. It is done when every job is; then its page and position are written together."""

    partition: int
    position: int  # of its last entry
    page: Page = field(default_factory=Page)
    event_counts: dict[CountKey, int] = field(default_factory=dict)
    open_jobs: int = 0

    def count_event(self, entry: Entry, event_type: str, outcome: str) -> None:
        """Count one event of the entry's source."""
        hour = _received(entry).replace(minute=0, second=0, microsecond=0)
        key = (entry.source_id, hour, event_type, outcome)
        self.event_counts[key] = self.event_counts.get(key, 0) + 1


def prepare(entries: Sequence[Entry], plans: Plans) -> tuple[Batch, list[Job]]:
    """Take the entries through every step that is ours; the jobs are what is to be sent.

    Raises SealError where an entry does not open.
    """
    batch = Batch(entries[0].partition, entries[-1].position)
    jobs: list[Job] = []
    unpacked = [unpack(entry) for entry in entries]
    first = first_seen(unpacked)
    for each in unpacked:
        for event_type, code in each.discarded:
            batch.count_event(each.entry, event_type, code)
        jobs += _jobs(each, first, plans, batch)
    batch.open_jobs = len(jobs)
    return batch, jobs


def _jobs(unpacked: Unpacked, first: set[tuple[uuid.UUID, int]], plans: Plans, batch: Batch) -> Iterator[Job]:
    entry, destinations = unpacked.entry, plans.by_source.get(unpacked.entry.source_id, ())
    received = _received(entry)
    for place, event in unpacked.events:
        if (entry.entry_id, place) not in first:
            batch.count_event(entry, event["type"], DUPLICATE)
            continue
        batch.count_event(entry, event["type"], RECEIVED)
        for plan in destinations:
            job = _job(event, plan, (entry.partition, entry.position, place), received)
            if _is_ready(job, event, plan, batch.page):
                yield job


def _job(event: Event, plan: DestinationPlan, place: tuple[int, int, int], received: datetime) -> Job:
    return Job(
        destination_id=plan.id,
        workspace_id=plan.workspace_id,
        message_id=event["messageId"],
        event_type=event["type"],
        received_at=received,
        body=b"",
        key_fingerprint=plan.key_fingerprint,
        place=place,
    )


def _is_ready(job: Job, event: Event, plan: DestinationPlan, page: Page) -> bool:
    """Give the job its body; where the event stops here, note why instead."""
    try:
        job.body = _json(prepared(event, plan))
    except Stopped as stopped:
        page.count(job, stopped.code)
        if stopped.code == FAILED_DATA_ENCRYPTION:
            page.note_delivery(job, Delivery.Status.HELD, stopped.code)
        return False
    return True


def _json(event: Event) -> bytes:
    """The event as JSON. Lone surrogates and depths that orjson refuses go out escaped, as the client sent them."""
    try:
        return orjson.dumps(event)
    except orjson.JSONEncodeError:
        pass
    try:
        return json.dumps(event, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        raise Stopped(MESSAGE_REJECTED) from None


def _received(entry: Entry) -> datetime:
    return datetime.fromtimestamp(entry.received_at / 1_000_000, UTC)
