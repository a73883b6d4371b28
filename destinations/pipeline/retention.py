"""The scheduled job behind Data Retention: what is past its workspace's period goes from every store, on record."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from destinations.delivery import ledger
from destinations.delivery.ledger import Page
from destinations.models import Delivery, DeliveryCount, DeliveryLatency, Destination, WithheldCount
from destinations.resending.preparing import EVENT_EXPIRED
from privacy import retention
from privacy.retention import in_parts
from workspaces import spans
from workspaces.event_log.base import EventLogReader
from workspaces.models import EventCount, Source

CHUNK = 1000  # deliveries of one transaction


def apply(log: EventLogReader, partitions: Sequence[int]) -> Counter[str]:
    """Remove what is old, log entries in these partitions only; how much of each kind went in all."""
    cutoffs, total = retention.cutoffs(), Counter[str]()
    entries, unowned = _trim(log, partitions, cutoffs)
    for workspace_id, before in cutoffs.items():
        removed = Counter(retention.forget_old_scans(workspace_id, before))
        removed["counts"] += _forget_counts(workspace_id)
        removed["entries"] = entries[workspace_id]
        removed["bodies"] = _end_old_deliveries(workspace_id, before)
        retention.note_run(workspace_id, removed)
        total.update(removed)
    total["entries"] += unowned
    return total


def _trim(
    log: EventLogReader, partitions: Sequence[int], cutoffs: dict[uuid.UUID, datetime]
) -> tuple[Counter[uuid.UUID], int]:
    """How many entries of each workspace went, and of sources that are gone, which keep the installation's period."""
    owners = retention.workspaces_of_sources()
    default = timezone.now() - timedelta(days=settings.EVENT_RETENTION_DAYS)
    by_source = {source_id: _microseconds(cutoffs[owner]) for source_id, owner in owners.items() if owner in cutoffs}
    own = {source_id: before for source_id, before in by_source.items() if before != _microseconds(default)}
    entries: Counter[uuid.UUID] = Counter()
    unowned = 0
    for number in partitions:
        up_to = ledger.saved_position(number)
        gone = log.trim(number, up_to=up_to, older_than=_microseconds(default), by_source=own)
        for source_id, count in gone.items():
            if source_id in owners:
                entries[owners[source_id]] += count
            else:
                unowned += count
    return entries, unowned


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


def _forget_counts(workspace_id: uuid.UUID) -> int:
    """Hourly counts of events and deliveries that no page can ask for any more, whatever the period; how many went."""
    before = timezone.now() - spans.KEPT
    sources = list(Source.objects.filter(workspace_id=workspace_id).values_list("pk", flat=True))
    own = list(Destination.objects.filter(workspace_id=workspace_id).values_list("pk", flat=True))
    # In no order: their unique indexes begin with these columns, and what another worker has locked is passed by.
    return retention.forget_counts(
        EventCount.objects.filter(source__in=sources, hour__lt=before),
        DeliveryCount.objects.filter(destination__in=own, hour__lt=before),
        DeliveryLatency.objects.filter(destination__in=own, hour__lt=before),
        WithheldCount.objects.filter(destination__in=own, hour__lt=before),
    )


def _end_old_deliveries(workspace_id: uuid.UUID, before: datetime) -> int:
    """What still waits can be sent no more; what failed keeps its record, without a body. How many bodies went."""
    own = list(Destination.objects.filter(workspace_id=workspace_id).values_list("pk", flat=True))
    old = Delivery.objects.filter(destination__in=own, received_at__lt=before)
    while _expire_some(old) == CHUNK:
        pass
    return in_parts(
        old.filter(status=Delivery.Status.DEAD).exclude(sealed_body=b"", sealed_answer=b""), _empty, most=CHUNK
    )


def _empty(rows: QuerySet[Delivery]) -> None:
    rows.update(sealed_body=b"", sealed_answer=b"")


@transaction.atomic
def _expire_some(old: QuerySet[Delivery]) -> int:
    """End some of what waits, and count it: an event comes to one end, and this is its. How many."""
    # What a worker has claimed is under way and comes to its own end.
    unclaimed = Q(claimed_until=None) | Q(claimed_until__lt=timezone.now())
    waiting = old.filter(unclaimed, status=Delivery.Status.WAITING)
    if not waiting.exists():
        return 0
    rows = list(waiting.select_for_update(skip_locked=True).defer("sealed_body", "sealed_answer")[:CHUNK])
    ended = Page()
    for row in rows:
        if row.replay_id is None:
            ended.count_row(row, EVENT_EXPIRED)
    ledger.write(ended)
    Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(
        status=Delivery.Status.DEAD, reason=EVENT_EXPIRED, next_try_at=None
    )
    return len(rows)
