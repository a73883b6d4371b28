"""Delivery Overview: the pipeline from the source's events to one destination, where they stopped and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from destinations.models import DeliveryCount, DeliveryNameCount, Destination
from destinations.reports import outcomes
from destinations.reports.event_delivery import open_ones
from workspaces import event_counts, name_breakdown
from workspaces import pipeline_steps as pipeline
from workspaces.name_breakdown import without_names
from workspaces.pipeline_steps import SOURCE_STEPS, Reason, Step, Tally
from workspaces.spans import Span


@dataclass(frozen=True, slots=True)
class Overview:
    """Every step, and what is in none of them: events under way, and those this destination was not there for."""

    steps: Sequence[Step]
    pending: int
    held: int
    not_offered: int


def overview(destination: Destination, span: Span) -> Overview:
    """The steps of the span; three queries, each on an index."""
    source = event_counts.tally(destination.source_id, span)
    ends = _ends(destination, span)
    left = open_ones(destination, span.since, span.until)
    steps = pipeline.source_steps(source)
    whole = (steps[0].figure.count, steps[0].figure.before)
    waiting = f"{left['waiting']} event{'s' if left['waiting'] != 1 else ''} pending retry" if left["waiting"] else ""
    steps += [
        pipeline.step_of(
            ends, outcomes.is_filtered, whole, key="filtered", name="Filtered at destination", text="events filtered",
            reason_of=_reason,
        ),
        pipeline.step_of(
            ends, outcomes.is_failure, whole, key="failed", name="Failed delivery", text="events failed",
            reason_of=_reason, note=waiting,
        ),
        pipeline.step_of(
            ends, outcomes.is_delivered, whole, key="delivered", name="Successful delivery", text="events delivered"
        ),
    ]  # fmt: skip
    taken = source.total(pipeline.is_received)
    accounted = ends.total(pipeline.is_any) + left["waiting"]
    return Overview(steps, left["waiting"], left["held"], max(0, taken - accounted))


def names(destination: Destination, step: Step, span: Span) -> list[Reason]:
    """One step's events by their names; one query."""
    if step.key in SOURCE_STEPS:
        return event_counts.names(destination.source_id, step, span)
    return name_breakdown.of_step(DeliveryNameCount.objects.filter(destination=destination), step, span)


def _ends(destination: Destination, span: Span) -> Tally:
    if span.is_fine:
        return Tally(span, without_names(DeliveryNameCount.objects.filter(destination=destination), span))
    counts = DeliveryCount.objects.filter(destination=destination, hour__gte=span.before, hour__lt=span.until)
    return Tally(span, counts.values_list("hour", "event_type", "outcome", "count"))


def _reason(code: str) -> tuple[str, str]:
    return outcomes.title(code), outcomes.action(code)
