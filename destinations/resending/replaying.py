"""The worker's part in replays: reads the log once more, a little at a time, and leaves what is to be sent to retries.

A partition is read by the worker that leases it, as the search of deletions is: so no event comes back that is being
deleted. Deliveries and the position reached are written together; a worker that is killed does the same part again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from audit.ids import new_id
from destinations.delivery import ledger
from destinations.delivery.ledger import Page
from destinations.models import Delivery, Replay, ReplayPart
from destinations.pipeline.plan import DestinationPlan, Plans
from destinations.pipeline.steps import FAILED_DATA_ENCRYPTION, Event, Stopped
from destinations.resending.preparing import leaving_now, microseconds, to_it_alone
from destinations.resending.replays import OPEN, finish_if_done
from privacy.scanning.scan import event_name
from workspaces.event_log.base import Entry, EventLogReader
from workspaces.event_log.duplicates import Message, first_seen
from workspaces.sealing import SealError
from workspaces.tracking.controls import controls_of
from workspaces.tracking.unpack import unpack

CHUNK_EVENTS = 500
MOST_WAITING = 2000  # of one replay: new events go on being sent beside it


def advance(log: EventLogReader, partitions: Sequence[int], plans: Plans) -> bool:
    """Read one chunk of one replay, or end one that is done; False where there is nothing to do now."""
    running = Replay.objects.filter(state=Replay.State.RUNNING).select_related("destination")
    for replay in running.order_by("id"):
        part = replay.parts.filter(partition__in=partitions, position__lt=F("target")).order_by("partition").first()
        if part is None:
            if _finished(replay):
                return True
        elif _has_room(replay) and _read(log, replay, part, plans):
            return True
    return False


@transaction.atomic
def _finished(replay: Replay) -> bool:
    locked = Replay.objects.select_for_update(of=("self",)).select_related("destination").get(pk=replay.pk)
    return locked.state == Replay.State.RUNNING and finish_if_done(locked)


def _has_room(replay: Replay) -> bool:
    return replay.deliveries.filter(status__in=OPEN)[:MOST_WAITING].count() < MOST_WAITING


def _read(log: EventLogReader, replay: Replay, part: ReplayPart, plans: Plans) -> bool:
    up_to = min(part.target, ledger.saved_position(part.partition))
    plans.refresh()
    plan = plans.by_id.get(replay.destination_id)
    if plan is None or part.position >= up_to:  # a disabled destination's replay waits
        return False
    read = log.read(part.partition, after=part.position, limit=CHUNK_EVENTS)
    entries = [entry for entry in read if entry.position <= up_to]
    events = _events(replay, entries)
    with transaction.atomic():
        locked = Replay.objects.select_for_update().get(pk=replay.pk)
        if locked.state != Replay.State.RUNNING:
            return False
        rows, page, stopped = _prepared(replay, plan, events)
        Delivery.objects.bulk_create(rows, batch_size=CHUNK_EVENTS)
        ledger.write(page)
        Replay.objects.filter(pk=replay.pk).update(found=F("found") + len(events), stopped=F("stopped") + stopped)
        ReplayPart.objects.filter(pk=part.pk).update(position=entries[-1].position if entries else up_to)
    return True


Found = tuple[Entry, int, Event]


def _events(replay: Replay, entries: Sequence[Entry]) -> list[Found]:
    """The source's events of the stretch; repetitions, which were dropped when they came in, are left out again."""
    since, until = microseconds(replay.since), microseconds(replay.until)
    source_id, found = replay.destination.source_id, []
    for entry in entries:
        if entry.source_id == source_id and since <= entry.received_at < until:
            try:
                found += [(entry, place, event) for place, event in unpack(entry).events]
            except SealError:
                ledger.logger.exception("entry %d of partition %d does not open", entry.position, entry.partition)
                raise
    first = first_seen([Message(source_id, entry.entry_id, place, event["messageId"]) for entry, place, event in found])
    return [each for each in found if (each[0].entry_id, each[1]) in first]


def _prepared(replay: Replay, plan: DestinationPlan, events: Sequence[Found]) -> tuple[list[Delivery], Page, int]:
    """Rows to be sent or held, what is counted of them, and how many events stop."""
    controls = controls_of(replay.workspace_id, replay.destination.source_id)
    rows, page, stopped = [], Page(), 0
    for entry, place, event in events:
        to_it_alone(event, plan)
        row = _row(replay, plan, entry, place, event)
        try:
            body, is_encrypted = leaving_now(event, plan, controls)
        except Stopped as reason:
            if reason.code != FAILED_DATA_ENCRYPTION:
                stopped += 1
                continue
            row.status, row.reason, row.next_try_at = Delivery.Status.HELD, reason.code, None
        else:
            row.sealed_body = ledger.sealed_body(row.pk, body)
            if is_encrypted and plan.key_id is not None:
                page.count_encrypted([plan.key_id])
        rows.append(row)
    return rows, page, stopped


def _row(replay: Replay, plan: DestinationPlan, entry: Entry, place: int, event: Event) -> Delivery:
    return Delivery(
        id=new_id(),
        workspace_id=replay.workspace_id,
        destination_id=replay.destination_id,
        replay_id=replay.pk,
        message_id=ledger.storable(event["messageId"]),
        event_type=event["type"],
        event=event_name(event) if event["type"] == "track" else "",
        received_at=datetime.fromtimestamp(entry.received_at / 1_000_000, UTC),
        status=Delivery.Status.WAITING,
        next_try_at=timezone.now(),
        key_fingerprint=plan.key_fingerprint,
        protection=plan.protection,
        log_partition=entry.partition,
        log_position=entry.position,
        log_place=place,
    )
