"""Records of tries and of deliveries that came to their end: past the workspace's period they go, some at a time.

What pages count is kept apart from them (`DeliveryCount`, `DeliveryLatency`), and a replay keeps the numbers of its own
that go. What waits is no record: `retention.py` ends it first. Ids are UUIDv7, so an index in their order tells age.
"""

from __future__ import annotations

import uuid
from collections import Counter, deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from destinations.models import Attempt, Delivery, Destination, Replay
from destinations.status import first_id_at
from privacy import retention
from workspaces.spans import LONGEST

CHUNK = 2000  # rows of one transaction: some 50 ms
SHOWN = LONGEST + timedelta(days=1)  # pages list records of two weeks, from midnight: kept whatever the period is
FAILED = (Delivery.Status.DEAD, Delivery.Status.HELD)
ENDED = (Delivery.Status.DELIVERED, *FAILED)

Row = tuple[uuid.UUID, uuid.UUID | None, str]  # id, replay, status


class OldRecords:
    """One pass over all destinations, a chunk at a time, so that deliveries go on in between."""

    def __init__(self) -> None:
        self._left: deque[tuple[Destination, datetime]] = deque()

    def begin(self) -> None:
        """Begin a new pass, where the last one is over."""
        if not self._left:
            cutoffs, shown = retention.cutoffs(), timezone.now() - SHOWN
            some = Destination.objects.only("pk", "workspace_id").order_by("pk")
            self._left.extend((each, min(cutoffs.get(each.workspace_id, shown), shown)) for each in some)

    def remove_some(self) -> int:
        """Remove what one destination has too much, a chunk of each kind at most; how many rows."""
        if not self._left:
            return 0
        destination, before = self._left[0]
        removed = [_remove_attempts(destination, before)]
        removed += [_remove_deliveries(destination, status, before) for status in ENDED]
        if max(removed) < CHUNK:
            self._left.popleft()
        return sum(removed)

    def remove_all(self) -> int:
        """A whole pass at once; how many rows."""
        self.begin()
        removed = 0
        while self._left:
            removed += self.remove_some()
        return removed


def _remove_attempts(destination: Destination, before: datetime) -> int:
    old = Attempt.objects.filter(destination=destination, id__lt=first_id_at(before)).order_by("id")
    if not old.exists():
        return 0
    with transaction.atomic():
        # What another worker has locked is being removed by it.
        ids = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:CHUNK])
        Attempt.objects.filter(pk__in=ids).delete()
        retention.note_run(destination.workspace_id, {"records": len(ids)})
    return len(ids)


def _remove_deliveries(destination: Destination, status: str, before: datetime) -> int:
    old = Delivery.objects.filter(destination=destination, status=status, id__lt=first_id_at(before)).order_by("id")
    if not old.exists():
        return 0
    with transaction.atomic():
        locked = old.select_for_update(skip_locked=True)
        rows = list(locked.values_list("pk", "replay_id", "status")[:CHUNK])
        _keep_numbers(rows)
        Delivery.objects.filter(pk__in=[row[0] for row in rows]).delete()
        retention.note_run(destination.workspace_id, {"records": len(rows)})
    return len(rows)


def _keep_numbers(rows: Sequence[Row]) -> None:
    """Add to each replay what of its deliveries goes."""
    gone = Counter((replay_id, status in FAILED) for _, replay_id, status in rows if replay_id is not None)
    for (replay_id, failed), count in sorted(gone.items()):
        name = "past_failed" if failed else "past_delivered"
        Replay.objects.filter(pk=replay_id).update(**{name: F(name) + count})
