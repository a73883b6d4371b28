"""What keeps counts by event name and samples of filtered events small: minutes become hours, what is old goes."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from destinations.delivery.ledger import MOST_SAMPLES
from destinations.models import DeliveryNameCount, FilteredSample
from privacy import retention
from workspaces import name_counts
from workspaces.models import EventNameCount

CHUNK = 2000


def tidy() -> int:
    """One pass; how many rows went."""
    removed = name_counts.gather(EventNameCount, "source") + name_counts.gather(DeliveryNameCount, "destination")
    for workspace_id, before in retention.cutoffs().items():
        removed += _forget(workspace_id, before)
    return removed + _drop_surplus()


def _forget(workspace_id: uuid.UUID, before: datetime) -> int:
    """What is past the workspace's period, and names that are older than pages ask for."""
    names = max(before, timezone.now() - name_counts.KEPT)
    old = (
        EventNameCount.objects.filter(source__workspace_id=workspace_id, since__lt=names),
        DeliveryNameCount.objects.filter(destination__workspace_id=workspace_id, since__lt=names),
        FilteredSample.objects.filter(destination__workspace_id=workspace_id, received_at__lt=before),
    )
    return sum(_remove(rows) for rows in old)


def _drop_surplus() -> int:
    """All but the last samples of each reason."""
    many = FilteredSample.objects.values_list("destination", "outcome").annotate(n=Count("id")).order_by()
    removed = 0
    for destination_id, outcome, _ in many.filter(n__gt=MOST_SAMPLES):
        rows = FilteredSample.objects.filter(destination=destination_id, outcome=outcome)
        last = rows.order_by("-id").values_list("pk", flat=True)[:MOST_SAMPLES]
        removed += _remove(rows.filter(pk__lt=list(last)[-1]))
    return removed


def _remove(rows: QuerySet[Any]) -> int:
    """Some at a time, in one order; what another worker has locked is being removed by it."""
    removed = 0
    while True:
        with transaction.atomic():
            locked = rows.order_by("pk").select_for_update(skip_locked=True, of=("self",))
            some = list(locked.values_list("pk", flat=True)[:CHUNK])
            rows.model._default_manager.filter(pk__in=some).delete()
        removed += len(some)
        if len(some) < CHUNK:
            return removed
