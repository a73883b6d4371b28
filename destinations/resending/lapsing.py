"""The end of what was asked for again at a destination that stays disabled: it waits a day, and no longer.

A worker's housekeeping. Events are listed as undelivered once more, replays end; whoever enables the destination later
can ask again.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from destinations.delivery import ledger
from destinations.delivery.ledger import Page
from destinations.models import Delivery, Destination, Replay
from destinations.resending import replays

WAITS_AT_MOST = timedelta(days=1)
DESTINATION_DISABLED = "DESTINATION_DISABLED"  # the reason such an event is undelivered for
CHUNK = 500


def end_overdue() -> int:
    """End what has waited too long; how many events and replays."""
    now = timezone.now()
    _note_who_is_off(now)
    asked = Delivery.objects.filter(destination=OuterRef("pk"), status=Delivery.Status.QUEUED, replay=None)
    running = Replay.objects.filter(destination=OuterRef("pk"), state=Replay.State.RUNNING)
    overdue = Destination.objects.filter(Exists(asked) | Exists(running), off_since__lt=now - WAITS_AT_MOST)
    ended = 0
    for destination_id in list(overdue.values_list("pk", flat=True)):
        while some := _end_some(destination_id):
            ended += some
        ended += _end_replays(destination_id)
    return ended


def _note_who_is_off(now: datetime) -> None:
    """A destination is switched by a verb of ours, which notes it; its source by one that knows nothing of it."""
    off = Q(enabled=False) | Q(source__enabled=False)
    Destination.objects.filter(~off, off_since__isnull=False).update(off_since=None)
    Destination.objects.filter(off, off_since=None).update(off_since=now)


@transaction.atomic
def _end_some(destination_id: uuid.UUID) -> int:
    asked = Delivery.objects.filter(destination=destination_id, status=Delivery.Status.QUEUED, replay=None)
    some = asked.select_for_update(skip_locked=True).defer("sealed_body", "sealed_answer").order_by("pk")
    rows, page = list(some[:CHUNK]), Page()
    for row in rows:
        page.count_row(row, DESTINATION_DISABLED)
    ledger.write(page)
    Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(
        status=Delivery.Status.DEAD, reason=DESTINATION_DISABLED
    )
    return len(rows)


@transaction.atomic
def _end_replays(destination_id: uuid.UUID) -> int:
    running = Replay.objects.filter(destination=destination_id, state=Replay.State.RUNNING)
    found = list(running.select_for_update(of=("self",)).select_related("destination"))
    for replay in found:
        replays.give_up(replay, Replay.State.LAPSED, actor=None)
    return len(found)
