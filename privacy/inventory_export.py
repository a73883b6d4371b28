"""The whole inventory as CSV, streamed."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction
from django.db.models import Max, Min

from audit.event_types import EventType
from audit.export import csv_lines
from audit.record import record
from privacy.inventory_details import Breakdown
from privacy.inventory_list import sources_of
from privacy.models import InventoryField
from workspaces.access import Right, require_right
from workspaces.models import User, Workspace

COLUMNS = (
    "field",
    "classification",
    "sources",
    "first_seen",
    "last_seen",
    "was_restricted",
    "added",
    "classified_at",
    "classified_by",
)
CHUNK = 500


def start_export(workspace: Workspace, *, actor: User) -> Iterator[str]:
    """Record the download, then give the CSV in pieces: every entry, whatever a list was filtered by (documented)."""
    require_right(actor, workspace, Right.CLASSIFY_FIELDS)
    with transaction.atomic():
        details = {"rows": workspace.inventory.count()}
        event_type = EventType.PRIVACY_INVENTORY_EXPORTED
        record(event_type, actor=actor, workspace_id=workspace.pk, subject=workspace, details=details)
    return _pieces(workspace)


@transaction.atomic
def export_breakdown(entry: InventoryField, told: Breakdown, *, actor: User) -> str:
    """One entry's counts by source over time as CSV; recorded."""
    require_right(actor, entry.workspace, Right.CLASSIFY_FIELDS)
    event_type = EventType.PRIVACY_INVENTORY_EXPORTED
    record(event_type, actor=actor, workspace_id=entry.workspace_id, subject=entry, label=entry.name)
    rows = (
        (start, each.source.name, count)
        for each in told.sources
        for start, count in zip(told.starts, each.counts, strict=True)
    )
    return csv_lines([("from", "source", "times_seen"), *rows])


def _pieces(workspace: Workspace) -> Iterator[str]:
    yield csv_lines([COLUMNS])
    names = dict(workspace.sources.values_list("pk", "name"))
    last = ""
    while chunk := _after(workspace, last):
        seen = sources_of(chunk)
        told = {pk: sorted(names[source] for source in sources if source in names) for pk, sources in seen.items()}
        yield csv_lines(_row(entry, told.get(entry.pk, [])) for entry in chunk)
        last = chunk[-1].name


def _after(workspace: Workspace, name: str) -> list[InventoryField]:
    rows = workspace.inventory.filter(name__gt=name).select_related("classified_by").order_by("name")
    return list(rows.annotate(first_seen=Min("observed__first_seen"), last_seen=Max("observed__last_seen"))[:CHUNK])


def _row(entry: InventoryField, sources: list[str]) -> tuple[object, ...]:
    seen = vars(entry)  # annotations
    return (
        entry.name,
        entry.classification,
        "; ".join(sources),
        seen["first_seen"],
        seen["last_seen"],
        "yes" if entry.was_restricted else "no",
        entry.created_at,
        entry.classified_at,
        entry.classified_by.email if entry.classified_by else "",
    )
