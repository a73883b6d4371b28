"""The inbox: fields of the last seven days that nobody has classified, and what the rules recommend for each."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterable
from datetime import timedelta

from django.db import transaction
from django.db.models import Case, CharField, Count, Exists, F, OuterRef, Q, QuerySet, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from audit.event_types import EventType
from audit.record import record
from privacy.field_filters import Counts, FieldFilter, counted, sightings
from privacy.inventory import classify_fields
from privacy.locking import lock_in_order
from privacy.models import Classification, FieldEvent, InventoryField, ObservedField
from workspaces.access import Right, require_right
from workspaces.models import User, Workspace

WINDOW = timedelta(days=7)  # documented
MOST_EVENTS = 100  # rows of an opened field
NEWEST = 50  # fields that one look for new ones gives
OVERLAP = 30  # seconds: how long a worker's transaction may take until others see its rows

# The owner's pick, else the recommendation: `ObservedField.colour` for the database.
COLOUR = Case(When(chosen="", then=F("recommended")), default=F("chosen"), output_field=CharField())


def fields_of(workspace: Workspace) -> QuerySet[ObservedField]:
    """Every field of the inbox, without its sample."""
    since = timezone.now() - WINDOW
    # `in`, since SQLite takes a bare NOT for no equality and passes the indexes by.
    rows = ObservedField.objects.filter(workspace=workspace, in_inventory__in=(False,), last_seen__gte=since)
    return rows.defer("sealed_sample")


def count_by_colour(workspace: Workspace, asked: FieldFilter, sources: Collection[uuid.UUID] | None = None) -> Counts:
    """Counts by colour; of the fields of `sources` alone where they are given. One query, answered from indexes."""
    rows = fields_of(workspace).order_by()
    if sources is not None:
        rows = rows.filter(pk__in=sightings(sources).values("field"))
    wanted = Q(name__icontains=asked.text) if asked.text else None
    told = (
        rows.annotate(colour_shown=COLOUR)
        .values("colour_shown")
        .annotate(n=Count("*"), m=Count("workspace", filter=wanted))
    )
    return counted(told.values_list("colour_shown", "n", "m"))


def find(
    workspace: Workspace, asked: FieldFilter, sources: Collection[uuid.UUID] | None = None
) -> QuerySet[ObservedField]:
    """The fields asked for, newest first or by name. `sources`: those a field must have been seen in."""
    # In the guise of an expression: else SQLite looks the week up and sorts all of it for one page.
    seen = Coalesce("last_seen", "last_seen")
    rows = ObservedField.objects.filter(workspace=workspace, in_inventory__in=(False,)).defer("sealed_sample")
    rows = rows.alias(seen=seen).filter(seen__gte=timezone.now() - WINDOW)
    # Values are never searched: a search must not tell what masks hide.
    rows = rows.filter(name__icontains=asked.text) if asked.text else rows
    if sources is not None:
        rows = rows.filter(Exists(sightings(sources).filter(field=OuterRef("pk"))))
    if asked.colours:
        rows = rows.annotate(colour_shown=COLOUR).filter(colour_shown__in=asked.colours)
    return rows.order_by("name") if asked.sort == "name" else rows.order_by("-first_seen", "-id")


def find_new(
    workspace: Workspace,
    asked: FieldFilter,
    sources: Collection[uuid.UUID] | None,
    *,
    since: uuid.UUID,
    known: Iterable[uuid.UUID],
) -> list[ObservedField]:
    """Of the fields asked for those that were stored after `since` (a moment as `moment` gives it), but the known."""
    rows = find(workspace, asked, sources).filter(pk__gt=since).exclude(pk__in=list(known))
    return list(rows.order_by("-pk")[:NEWEST])


def moment(seconds_ago: float = OVERLAP) -> uuid.UUID:
    """A point in time as the smallest id made then: ids of fields begin with their making (UUIDv7)."""
    return uuid.UUID(int=int((time.time() - seconds_ago) * 1000) << 80)


def events_of(field: ObservedField) -> list[FieldEvent]:
    """Where the field was seen, the latest first, with each source; at most `MOST_EVENTS`."""
    return list(field.events.select_related("source").order_by("-last_seen", "pk")[:MOST_EVENTS])


@transaction.atomic
def choose_colour(
    workspace: Workspace, field_ids: Collection[uuid.UUID], colour: Classification, *, actor: User
) -> int:
    """Pick a colour for fields of the inbox, to be applied with *Add to Inventory*; how many it changed.

    What is no longer in the inbox, or has the colour already, is left alone. A row of the audit log tells of each.
    """
    require_right(actor, workspace, Right.CLASSIFY_FIELDS)
    fields = _lock(workspace, field_ids)
    changed = [field for field in fields if field.colour != colour]
    for field in changed:
        details = {"before": field.colour, "after": colour.value}
        event_type = EventType.FIELD_RECOMMENDATION_CHANGED
        record(event_type, actor=actor, workspace_id=workspace.pk, subject=field, details=details)
        field.chosen = "" if field.recommended == colour else colour
        field.save(update_fields=["chosen"])
    return len(changed)


@transaction.atomic
def add_to_inventory(workspace: Workspace, field_ids: Collection[uuid.UUID], *, actor: User) -> list[InventoryField]:
    """Classify fields of the inbox by the colour each shows; what is no longer there is left alone."""
    require_right(actor, workspace, Right.CLASSIFY_FIELDS)
    fields = _lock(workspace, field_ids)
    return classify_fields(workspace, {field.name: Classification(field.colour) for field in fields}, actor=actor)


def _lock(workspace: Workspace, field_ids: Collection[uuid.UUID]) -> list[ObservedField]:
    Workspace.objects.select_for_update().get(pk=workspace.pk)
    lock_in_order(ObservedField, field_ids)
    return list(fields_of(workspace).filter(pk__in=list(field_ids)).order_by("name"))
