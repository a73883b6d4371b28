"""Events from the log on their way to one destination once more, as it is configured now."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from destinations.delivery import ledger
from destinations.delivery.ledger import Page
from destinations.models import Delivery
from destinations.pipeline.plan import DestinationPlan, Plans
from destinations.pipeline.steps import FAILED_DATA_ENCRYPTION, Event, Leaving, Stopped, leaving
from workspaces.event_log.base import EventLogReader
from workspaces.sealing import SealError
from workspaces.tracking.blocking import block, is_of
from workspaces.tracking.controls import Controls, controls_of
from workspaces.tracking.unpack import unpack

SUPPRESSED_USER, EVENT_EXPIRED = "SUPPRESSED_USER", "EVENT_EXPIRED"
AT_ONCE = 200
Place = tuple[int, int]


def leaving_now(event: Event, plan: DestinationPlan, controls: Controls) -> Leaving:
    """What may leave of an event that came in earlier; raises Stopped with the reason where nothing may.

    The source's controls hold as they do today: red fields are taken out, suppressed users' events stop.
    """
    if controls.is_suppressed is not None and is_of(event, controls.is_suppressed):
        raise Stopped(SUPPRESSED_USER)
    if controls.blocker is not None:
        block(event, controls.blocker)
    return leaving(event, plan)


def to_it_alone(event: Event, plan: DestinationPlan) -> None:
    """Address a replayed event to one destination, whatever it said itself (documented)."""
    event["integrations"] = {"All": False, plan.integration: True}


class Originals:
    """Events as the log has them, each entry read once. Not kept longer than one look at the ledger."""

    def __init__(self, log: EventLogReader) -> None:
        self._log = log
        self._entries: dict[Place, dict[int, Event]] = {}

    def find(self, row: Delivery) -> Event | None:
        """The event of a delivery; None where it is no longer there. Raises SealError where it does not open."""
        place = (row.log_partition, row.log_position)
        if place not in self._entries:
            self._entries[place] = self._read(place, row.destination.source_id)
        return self._entries[place].get(row.log_place)

    def _read(self, place: Place, source_id: uuid.UUID) -> dict[int, Event]:
        partition, position = place
        if partition not in self._log.partitions():
            return {}
        entries = self._log.read(partition, after=position - 1, limit=1)
        if not entries or entries[0].position != position or entries[0].source_id != source_id:
            return {}
        return dict(unpack(entries[0]).events)


@transaction.atomic
def prepare_queued(log: EventLogReader, plans: Plans) -> int:
    """Prepare some of what was asked for again; how many came to a new state.

    What belongs to a disabled destination, or does not open, stays asked for.
    """
    # Which there are is looked up first: configuration is read after the ask, never before it.
    wanted = Delivery.objects.filter(status=Delivery.Status.QUEUED)
    if not wanted.exists():
        return 0
    plans.refresh()
    rows = wanted.filter(destination__in=list(plans.by_id)).select_related("destination")
    some = list(rows.select_for_update(skip_locked=True, of=("self",)).order_by("id")[:AT_ONCE])
    page, originals, done = Page(), Originals(log), 0
    controls = {source_id: controls_of(workspace_id, source_id) for workspace_id, source_id in _sources(some)}
    for row in some:
        try:
            event = originals.find(row)
        except SealError:
            ledger.logger.exception("the event of delivery %s does not open", row.pk)
            continue
        _prepare(row, event, plans.by_id[row.destination_id], controls[row.destination.source_id], page)
        done += 1
    ledger.write(page)
    return done


def _sources(rows: Sequence[Delivery]) -> set[tuple[uuid.UUID, uuid.UUID]]:
    return {(row.workspace_id, row.destination.source_id) for row in rows}


def _prepare(row: Delivery, event: Event | None, plan: DestinationPlan, controls: Controls, page: Page) -> None:
    row.sealed_body, row.next_try_at = b"", None
    if event is not None and row.replay_id is not None:
        to_it_alone(event, plan)
    try:
        body, is_encrypted = _leaving(event, plan, controls)
    except Stopped as stopped:
        held = stopped.code == FAILED_DATA_ENCRYPTION
        row.status = Delivery.Status.HELD if held else Delivery.Status.DEAD
        row.reason = stopped.code
        _count(page, row, stopped.code)
    else:
        row.status, row.reason, row.next_try_at = Delivery.Status.WAITING, "", timezone.now()
        row.sealed_body = ledger.sealed_body(row.pk, body)
        # An event counts once under a key; it was counted when it was first prepared under this one.
        if is_encrypted and plan.key_id is not None and row.key_fingerprint != plan.key_fingerprint:
            page.count_encrypted([plan.key_id])
    row.key_fingerprint, row.protection = plan.key_fingerprint, plan.protection
    row.save(update_fields=["status", "reason", "next_try_at", "sealed_body", "key_fingerprint", "protection"])


def _leaving(event: Event | None, plan: DestinationPlan, controls: Controls) -> Leaving:
    if event is None:
        raise Stopped(EVENT_EXPIRED)
    return leaving_now(event, plan, controls)


def _count(page: Page, row: Delivery, code: str) -> None:
    if row.replay_id is None:
        page.count_row(row, code)


def microseconds(moment: datetime) -> int:
    """A moment as the event log has it."""
    return int(moment.timestamp() * 1_000_000)
