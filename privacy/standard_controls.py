"""Standard Controls: the sources at which red inventory fields are removed before anything is stored."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Sum, UUIDField
from django.db.models.functions import Coalesce
from django.utils import timezone

from audit.event_types import EventType
from audit.record import record
from privacy.models import (
    BlockedCount,
    Classification,
    FieldEvent,
    InventoryField,
    ObservedField,
    StandardControl,
)
from workspaces.access import Right, require_right
from workspaces.models import Source, User, Workspace

PERIOD = timedelta(days=7)
MOST_PATHS = 100  # shown of one source


@transaction.atomic
def block_red_fields(source: Source, *, actor: User) -> bool:
    """Remove red inventory fields from the source's events from now on (5 s later at most); False where it was on."""
    require_right(actor, source.workspace, Right.CLASSIFY_FIELDS)
    _, made = StandardControl.objects.get_or_create(source=source, defaults={"set_by": actor})
    if made:
        _note(EventType.STANDARD_CONTROLS_ENABLED, source, actor)
    return made


@transaction.atomic
def stop_blocking(source: Source, *, actor: User) -> bool:
    """Store red inventory fields of the source again; False where they were not blocked."""
    require_right(actor, source.workspace, Right.CLASSIFY_FIELDS)
    gone, _ = StandardControl.objects.filter(source=source).delete()
    if gone:
        _note(EventType.STANDARD_CONTROLS_DISABLED, source, actor)
    return gone > 0


def _note(event_type: EventType, source: Source, actor: User) -> None:
    record(event_type, actor=actor, workspace_id=source.workspace_id, subject=source, label=source.name)


@dataclass(frozen=True, slots=True)
class SourceControl:
    """One source on the page: since when red fields are blocked (None: they are not), how many values were lately."""

    source: Source
    control: StandardControl | None
    blocked: int


@dataclass(frozen=True, slots=True)
class SourceDetails:
    """One source in full: its fields that the inventory calls red, and how much was blocked, by inventory field.

    Each field stands with the id it is explained by, None where its entry is gone.
    """

    control: StandardControl | None
    red_fields: list[tuple[uuid.UUID, str]]
    blocked: list[tuple[uuid.UUID | None, str, int]]


def overview(workspace: Workspace) -> list[SourceControl]:
    """Every source by name, with what was blocked in the last seven days. Two queries."""
    lately = Sum("blocked_counts__count", filter=Q(blocked_counts__hour__gte=timezone.now() - PERIOD))
    sources = workspace.sources.annotate(blocked_lately=lately).order_by("name")
    controls = {row.pk: row for row in StandardControl.objects.filter(source__workspace=workspace)}
    return [SourceControl(source, controls.get(source.pk), source.blocked_lately or 0) for source in sources]


def details(source: Source) -> SourceDetails:
    """What is or would be blocked of the source: the real paths of the last seven days, and the counts."""
    since = timezone.now() - PERIOD
    # In the order of an index, so that the first ones are found without the others: `in`, as SQLite wants it.
    classified = ObservedField.objects.filter(workspace=source.workspace_id, in_inventory__in=(True,)).order_by("name")
    # In the guise of expressions: else SQLite looks source and week up for each field instead of the field.
    at, seen = Coalesce("source_id", "source_id", output_field=UUIDField()), Coalesce("last_seen", "last_seen")
    events = (
        FieldEvent.objects.filter(field=OuterRef("pk")).alias(at=at, seen=seen).filter(at=source.pk, seen__gte=since)
    )
    red = classified.filter(Exists(events), entry__classification=Classification.RED)
    counts = BlockedCount.objects.filter(source=source, hour__gte=since).values_list("field").annotate(n=Sum("count"))
    told = list(counts.order_by("-n", "field"))
    entries = InventoryField.objects.filter(workspace=source.workspace_id, name__in=[name for name, _ in told])
    ids = dict(entries.values_list("name", "pk"))
    return SourceDetails(
        StandardControl.objects.filter(pk=source.pk).select_related("set_by").first(),
        list(red.values_list("pk", "name")[:MOST_PATHS]),
        [(ids.get(name), name, count) for name, count in told],
    )
