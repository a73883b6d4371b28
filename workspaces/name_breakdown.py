"""The events of one step of a pipeline by their names."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from workspaces.pipeline_steps import Figure, Reason, Row, Step
from workspaces.spans import Span

MOST = 50  # names a page lists


def of_step(rows: QuerySet[Any], step: Step, span: Span) -> list[Reason]:
    """Names and types of the step's events, most frequent first, of an owner's counts by name; one query."""
    return of_outcomes(rows, step.outcomes, span, step.figure)


def of_outcomes(rows: QuerySet[Any], outcomes: Collection[str], span: Span, whole: Figure) -> list[Reason]:
    """The same for any outcomes; `whole` says of how many received events each is a part."""
    rows = rows.filter(since__gte=span.before, since__lt=span.until, outcome__in=list(outcomes))
    sums = rows.values_list("event", "event_type").annotate(
        now=Coalesce(Sum("count", filter=Q(since__gte=span.since)), 0),
        earlier=Coalesce(Sum("count", filter=Q(since__lt=span.since)), 0),
    )
    found = sums.filter(now__gt=0).order_by("-now", "event", "event_type")[:MOST]
    return [
        Reason(name, event_type, "", Figure(now, before, whole.whole, whole.whole_before))
        for name, event_type, now, before in found
    ]


def without_names(rows: QuerySet[Any], span: Span) -> list[Row]:
    """Counts by name as a Tally takes them, for spans that are finer than the counts by hour; one query."""
    rows = rows.filter(since__gte=span.before, since__lt=span.until)
    return list(rows.values_list("since", "event_type", "outcome").annotate(events=Sum("count")).order_by())
