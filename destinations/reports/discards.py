"""Why events did not reach a destination, one reason at a time, with up to ten samples of each.

Events that were held or given up have a row in the ledger; of those that were kept back the worker notes where the
last ones stand in the event log. Either way the payload is read from the sealed log, where it is still kept.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from destinations.delivery import origin
from destinations.models import Delivery, DeliveryNameCount, Destination, FilteredSample
from destinations.reports import outcomes
from destinations.reports.overview import Overview
from workspaces import name_breakdown
from workspaces.pipeline_steps import Reason
from workspaces.spans import Span

MOST_SAMPLES = 10  # documented
ENDED = (Delivery.Status.DEAD, Delivery.Status.HELD)


@dataclass(frozen=True, slots=True)
class Sample:
    """One event that stopped for the reason."""

    number: int  # from 1
    count: int  # samples there are to look at
    row_id: uuid.UUID
    received_at: datetime
    event: dict[str, Any] | None  # as the source sent it; None where it is no longer kept

    @property
    def message_id(self) -> str:
        """The event's own; empty where it is no longer kept."""
        return str(self.event["messageId"]) if self.event else ""


def reason_of(overview: Overview, code: str) -> Reason | None:
    """The reason as the overview counts it; None where no event stopped for it."""
    steps = [step for step in overview.steps if step.key in {"filtered", "failed"}]
    return next((reason for step in steps for reason in step.reasons if reason.code == code), None)


def names(destination: Destination, reason: Reason, span: Span) -> list[Reason]:
    """The names of the events that stopped for the reason; one query."""
    rows = DeliveryNameCount.objects.filter(destination=destination)
    return name_breakdown.of_outcomes(rows, [reason.code], span, reason.figure)


def sample(destination: Destination, code: str, span: Span, *, number: int) -> Sample | None:
    """The `number`-th of the newest ten, from 1, the last one where there are fewer; None where none is noted."""
    rows = _rows(destination, code, span)
    if not rows:
        return None
    number = min(max(number, 1), len(rows))
    row = rows[number - 1]
    place = (row.log_partition, row.log_position, row.log_place)
    event = origin.event_at(place, source_id=destination.source_id)
    return Sample(number, len(rows), row.pk, row.received_at, event)


def _rows(destination: Destination, code: str, span: Span) -> Sequence[Delivery | FilteredSample]:
    within = {"destination": destination, "received_at__gte": span.since, "received_at__lt": span.until}
    ended = Delivery.objects.filter(**within, status__in=ENDED, replay=None, reason=code).defer("sealed_body")
    found: list[Delivery | FilteredSample] = list(ended.order_by("-id")[:MOST_SAMPLES])
    if not outcomes.is_failure(code):
        found += FilteredSample.objects.filter(**within, outcome=code).order_by("-id")[:MOST_SAMPLES]
    return sorted(found, key=lambda row: row.pk, reverse=True)[:MOST_SAMPLES]
