"""What became of one source's events at each of its destinations: the numbers beside their names."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet, Sum

from destinations.models import Delivery, DeliveryCount, DeliveryNameCount, Destination
from destinations.reports import outcomes
from workspaces.access import Access, Right, within
from workspaces.models import Source
from workspaces.spans import Span

UNDER_WAY = (Delivery.Status.WAITING, Delivery.Status.QUEUED)


@dataclass(frozen=True, slots=True)
class Connected:
    """One destination and its events of the span: they add up to what it was offered."""

    destination: Destination
    filtered: int
    failed: int
    waiting: int
    delivered: int


def connected(source: Source, span: Span, access: Access) -> list[Connected]:
    """The source's destinations that may be seen, by name; three queries."""
    mine = source.destinations.filter(within(access, Right.VIEW_DESTINATIONS, "source"))
    rows = list(mine.defer("sealed_settings").order_by("name"))
    ends, waiting = _ends(source, span), _waiting(source, span)
    return [_connected(row, ends[row.pk], waiting[row.pk]) for row in rows]


def _connected(row: Destination, ends: Counter[str], waiting: int) -> Connected:
    def of(belongs: Callable[[str], bool]) -> int:
        return sum(count for outcome, count in ends.items() if belongs(outcome))

    return Connected(row, of(outcomes.is_filtered), of(outcomes.is_failure), waiting, of(outcomes.is_delivered))


def _ends(source: Source, span: Span) -> defaultdict[uuid.UUID, Counter[str]]:
    rows: QuerySet[Any] = DeliveryCount.objects.filter(
        destination__source=source, hour__gte=span.since, hour__lt=span.until
    )
    if span.is_fine:
        rows = DeliveryNameCount.objects.filter(destination__source=source, since__gte=span.since, since__lt=span.until)
    found: defaultdict[uuid.UUID, Counter[str]] = defaultdict(Counter)
    for pk, outcome, events in rows.values_list("destination", "outcome").annotate(events=Sum("count")).order_by():
        found[pk][outcome] += events
    return found


def _waiting(source: Source, span: Span) -> Counter[uuid.UUID]:
    rows = Delivery.objects.filter(destination__source=source, status__in=UNDER_WAY, replay=None)
    rows = rows.filter(received_at__gte=span.since, received_at__lt=span.until)
    return Counter(dict(rows.values_list("destination").annotate(events=Count("id")).order_by()))
