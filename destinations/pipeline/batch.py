"""A batch of log entries on its way through the pipeline: read, prepared for each destination, settled."""

from __future__ import annotations

import functools
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from destinations.delivery.ledger import Job, Page
from destinations.models import Delivery
from destinations.pipeline.plan import DestinationPlan, Plans
from destinations.pipeline.steps import FAILED_DATA_ENCRYPTION, Event, Stopped, leaving
from privacy.blocked_counts import BlockedKey
from privacy.rules.values import is_email
from privacy.scanning.scan import Look, Scanner, Sightings, event_name
from workspaces.event_counts import CountKey
from workspaces.event_log.base import Entry
from workspaces.event_log.duplicates import Message, first_seen
from workspaces.name_counts import Names
from workspaces.tracking.unpack import unpack

RECEIVED, DUPLICATE = "received", "duplicate"

MINUTE, HOUR = 60_000_000, 3_600_000_000  # microseconds

Tally = Counter[CountKey]


@dataclass(slots=True)
class Batch:
    """Entries of one partition. It is done when every job is; then its page and position are written together."""

    partition: int
    position: int  # of its last entry
    page: Page = field(default_factory=Page)
    event_counts: dict[CountKey, int] = field(default_factory=dict)
    blocked: Counter[BlockedKey] = field(default_factory=Counter)
    sightings: Sightings = field(default_factory=Sightings)
    open_jobs: int = 0


class _Taken(msgspec.Struct):
    """One event, as far as it is needed once it has been prepared: what would be sent of it and what stopped."""

    message: Message
    minute: datetime
    name: str  # as it is counted under
    received: datetime
    look: Look | None
    event_type: str
    jobs: list[Job]
    stopped: list[tuple[Job, str]]
    has_email_id: bool
    key_ids: list[uuid.UUID]  # each key under which some value of it was encrypted, for one destination


def prepare(
    entries: Sequence[Entry], plans: Plans, scanner: Scanner, names: Names | None = None
) -> tuple[Batch, list[Job]]:
    """Take the entries through every step that is ours; the jobs are what is to be sent.

    Each event is opened, scanned, filtered, encrypted and serialised in one go, while it is at hand, and forgotten;
    whether it is a duplicate is asked for all of them at once. Raises SealError where an entry does not open.
    """
    batch, tally = Batch(entries[0].partition, entries[-1].position), Tally()
    scanner.begin()
    notes = _Notes(tally, batch.blocked, scanner, batch.sightings, names or Names())
    taken = [event for entry in entries for event in _taken(entry, plans, notes)]
    first = first_seen([event.message for event in taken])
    jobs: list[Job] = []
    for event in taken:
        source_id, entry_id, place, _ = event.message
        if (entry_id, place) not in first:
            tally[source_id, event.minute, event.event_type, DUPLICATE, event.name] += 1
            continue
        tally[source_id, event.minute, event.event_type, RECEIVED, event.name] += 1
        if event.look is not None:
            batch.sightings.count(event.look, event.received)
        jobs += event.jobs
        for job in event.jobs:
            if job.withheld:
                batch.page.note_withheld(job)
        batch.page.count_encrypted(event.key_ids)
        if event.has_email_id:
            batch.page.count_email_id(source_id, event.received)
        for job, code in event.stopped:
            _note_stop(batch.page, job, code)
    batch.event_counts = dict(tally)
    batch.open_jobs = len(jobs)
    return batch, jobs


class _Notes(NamedTuple):
    """What is noted of a batch on the way."""

    tally: Tally
    blocked: Counter[BlockedKey]
    scanner: Scanner
    sightings: Sightings
    names: Names


def _taken(entry: Entry, plans: Plans, notes: _Notes) -> Iterator[_Taken]:
    unpacked = unpack(entry)
    received = datetime.fromtimestamp(entry.received_at / 1_000_000, UTC)
    hour, minute = _hour(entry.received_at // HOUR), _minute(entry.received_at // MINUTE)
    for event_type, code in unpacked.discarded:
        notes.tally[entry.source_id, minute, event_type, code, ""] += 1
    for name, count in unpacked.blocked.items():
        notes.blocked[entry.source_id, hour, name] += count
    destinations = plans.by_source.get(entry.source_id, ())
    for place, event in unpacked.events:
        message = Message(entry.source_id, entry.entry_id, place, event["messageId"])
        look = notes.scanner.look(entry.source_id, event, hour)
        if look is not None:
            notes.sightings.keep_samples(entry.source_id, event, look.fields)
        name = notes.names.of(entry.source_id, hour, _name(event, look))
        taken = _Taken(message, minute, name, received, look, event["type"], [], [], is_email(event.get("userId")), [])
        for plan in destinations:
            job = _job(event, plan, (entry.partition, entry.position, place), received, hour)
            job.minute, job.event = minute, name
            try:
                job.body, is_encrypted = leaving(event, plan, job.note_withheld)
                taken.jobs.append(job)
                if is_encrypted and plan.key_id is not None:
                    taken.key_ids.append(plan.key_id)
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
        protection=plan.protection,
        place=place,
        hour=hour,
    )


def _name(event: Event, look: Look | None) -> str:
    """A track call's name; empty for other calls."""
    if event["type"] != "track":
        return ""
    return look.where.event if look is not None else event_name(event)


@functools.lru_cache(maxsize=64)
def _hour(number: int) -> datetime:
    """One object for each hour since 1970: it stands in the keys of many counts."""
    return datetime.fromtimestamp(number * 3600, UTC)


@functools.lru_cache(maxsize=1024)
def _minute(number: int) -> datetime:
    """The same for each minute."""
    return datetime.fromtimestamp(number * 60, UTC)


def _note_stop(page: Page, job: Job, code: str) -> None:
    page.count(job, code)
    if code == FAILED_DATA_ENCRYPTION:
        page.note_delivery(job, Delivery.Status.HELD, code)
    else:
        page.note_sample(job, code)
