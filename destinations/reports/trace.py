"""One message id followed through the pipeline, for support staff: where it came in and what each destination got.

Nothing here holds a value of the event. What a filter keeps back is counted and not written down for each event, so
for a destination that has no record of it the answer is what its configuration of today does with the event.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from destinations.delivery import origin
from destinations.models import Attempt, Delivery, Destination
from destinations.pipeline.plan import Plans
from destinations.pipeline.steps import Event, Stopped
from destinations.reports import outcomes
from destinations.resending.preparing import leaving_now
from destinations.status import first_id_at
from workspaces.debugger import LOOK_BACK
from workspaces.event_log import duplicates
from workspaces.event_log.base import Entry, EventLogReader
from workspaces.models import Source, Workspace
from workspaces.sealing import SealError
from workspaces.tracking.controls import controls_of
from workspaces.tracking.unpack import unpack

# Retries end after four hours; what is sent again later stands in the delivery's own row.
TRIED_WITHIN = timedelta(hours=6)
CLOCK_SLACK = timedelta(minutes=1)
UUID7 = 7


@dataclass(frozen=True, slots=True)
class AtDestination:
    """What became of the event at one destination."""

    destination: Destination
    deliveries: Sequence[Delivery]  # without their bodies; more than one where it was replayed
    tries: Sequence[Attempt]
    today: str  # what today's configuration does with it; empty where a record tells

    @property
    def outcome(self) -> str:
        """In a few words."""
        if self.deliveries:
            row = self.deliveries[0]
            return f"{row.get_status_display()}{f': {outcomes.title(row.reason)}' if row.reason else ''}"
        if self.tries:
            last = self.tries[-1]
            return f"Failed: {outcomes.title(last.code)}" if last.code else f"Delivered at try {last.number}"
        return "No record: it was kept back, or the destination was disabled or not there"

    @property
    def fingerprint(self) -> str:
        """Of the key that what was sent last, or waits, was prepared under; empty where nothing was encrypted."""
        tried = [row.key_fingerprint for row in self.tries[-1:]]
        waits = [row.key_fingerprint for row in self.deliveries[:1]]
        return next(filter(None, tried + waits), "")


@dataclass(frozen=True, slots=True)
class Trace:
    """The event of one source. `received_at` is None where neither log nor ledger tells."""

    source: Source
    received_at: datetime | None
    is_kept: bool  # in the event log, as far as it was searched
    destinations: Sequence[AtDestination]


def traces(message_id: str, workspace: Workspace) -> list[Trace]:
    """Every source of the workspace that took an event of this id."""
    sources = {source.pk: source for source in workspace.sources.all()}
    taken = duplicates.takers(message_id, sources)
    rows = list(
        Delivery.objects.filter(workspace=workspace, message_id=message_id)
        .select_related("destination")
        .defer("sealed_body", "sealed_answer")
        .order_by("-id")
    )
    named = {row.destination.source_id for row in rows} | set(taken)
    with origin.reading() as reader:
        return [_trace(reader, sources[pk], message_id, rows, taken.get(pk)) for pk in sources if pk in named]


def _trace(
    reader: EventLogReader, source: Source, message_id: str, rows: Sequence[Delivery], taker: duplicates.Taker | None
) -> Trace:
    own = [row for row in rows if row.destination.source_id == source.pk]
    entry = _entry(reader, source, taker[0]) if taker else None
    event = _event(entry, taker[1]) if entry is not None and taker else None
    received = _received(own, entry, taker)
    plans = Plans()
    plans.refresh()
    found = []
    for destination in source.destinations.select_related("workspace").order_by("name"):
        deliveries = [row for row in own if row.destination_id == destination.pk]
        tries = _tries(destination, message_id, received)
        today = "" if deliveries or tries else _today(destination, event, plans)
        found.append(AtDestination(destination, deliveries, tries, today))
    return Trace(source, received, event is not None, found)


def _entry(reader: EventLogReader, source: Source, entry_id: uuid.UUID) -> Entry | None:
    """The entry of that id, searched as far back as the Source Debugger looks."""
    for partition in reader.partitions():
        begin = max(0, reader.end(partition) - LOOK_BACK)
        for entry in reader.tail(partition, source_id=source.pk, after=begin, limit=LOOK_BACK):
            if entry.entry_id == entry_id:
                return entry
    return None


def _event(entry: Entry, place: int) -> Event | None:
    try:
        return dict(unpack(entry).events).get(place)
    except SealError:
        return None


def _received(rows: Sequence[Delivery], entry: Entry | None, taker: duplicates.Taker | None) -> datetime | None:
    if rows:
        return rows[-1].received_at
    if entry is not None:
        return datetime.fromtimestamp(entry.received_at / 1_000_000, UTC)
    if taker is not None and taker[0].version == UUID7:  # its first 48 bits are milliseconds (RFC 9562)
        return datetime.fromtimestamp((taker[0].int >> 80) / 1000, UTC)
    return None


def _tries(destination: Destination, message_id: str, received: datetime | None) -> list[Attempt]:
    if received is None:
        return []
    since, until = first_id_at(received - CLOCK_SLACK), first_id_at(received + TRIED_WITHIN)
    rows = Attempt.objects.filter(destination=destination, message_id=message_id, id__gte=since, id__lt=until)
    return list(rows.order_by("id"))


def _today(destination: Destination, event: Event | None, plans: Plans) -> str:
    plan = plans.by_id.get(destination.pk)
    if plan is None:
        return "The destination or its source is disabled: it gets no events."
    if event is None:
        return "The event was not found in the log, so its way cannot be followed further."
    try:
        leaving = leaving_now(event, plan, controls_of(destination.workspace_id, destination.source_id))
    except Stopped as stopped:
        return f"With today's configuration: {outcomes.title(stopped.code)} ({stopped.code})"
    if leaving.is_encrypted:
        return f"With today's configuration it would be sent, encrypted under {plan.key_fingerprint}"
    return "With today's configuration it would be sent, with nothing encrypted"
