"""The inventory as a list: which entries, how many, and from which sources their fields come."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from privacy.field_filters import Counts, FieldFilter, counted, sightings
from privacy.models import FieldEvent, InventoryField, ObservedField
from workspaces.models import Workspace


def find(
    workspace: Workspace, asked: FieldFilter, sources: Collection[uuid.UUID] | None = None
) -> QuerySet[InventoryField]:
    """The entries asked for, by name. `sources`: those one of the entry's fields must have been seen in."""
    rows = workspace.inventory.filter(name__icontains=asked.text) if asked.text else workspace.inventory.all()
    if asked.colours:
        rows = rows.filter(classification__in=asked.colours)
    if sources is not None:
        rows = rows.filter(Exists(_seen_in(sources)))
    return rows.order_by("name")


def count_by_class(workspace: Workspace, asked: FieldFilter, sources: Collection[uuid.UUID] | None = None) -> Counts:
    """Counts by class; of the entries whose fields `sources` sent alone where they are given. One query."""
    rows = workspace.inventory.order_by()
    if sources is not None:
        rows = rows.filter(Exists(_seen_in(sources)))
    wanted = Q(name__icontains=asked.text) if asked.text else None
    told = rows.values("classification").annotate(n=Count("*"), m=Count("workspace", filter=wanted))
    return counted(told.values_list("classification", "n", "m"))


def sources_of(entries: Iterable[InventoryField]) -> dict[uuid.UUID, list[uuid.UUID]]:
    """For each entry the sources its fields were seen in. One query."""
    ids = [entry.pk for entry in entries]
    seen = FieldEvent.objects.filter(field__entry__in=ids).order_by().values_list("field__entry", "source").distinct()
    found: defaultdict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for entry, source in seen:
        if entry is not None:
            found[entry].append(source)
    return dict(found)


def _seen_in(sources: Collection[uuid.UUID]) -> QuerySet[ObservedField]:
    """Fields of the outer query's entry that any of the sources sent. Nested, as a join would begin at the sources."""
    seen = Exists(sightings(sources).filter(field=OuterRef("pk")))
    return ObservedField.objects.filter(seen, entry=OuterRef("pk")).order_by()
