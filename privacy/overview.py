"""What the Privacy Portal's home tells: counts by colour, and what waits for a decision."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef
from django.utils import timezone

from privacy import inbox
from privacy.field_filters import FieldFilter
from privacy.models import Classification, FieldEvent, InventoryField, ObservedField, StandardControl
from privacy.scanning import store
from workspaces.access import Right, require_right
from workspaces.models import User, Workspace


@dataclass(frozen=True, slots=True)
class State:
    """A workspace's fields as they stand. Counts are by colour; sources count that sent fields in the last 7 days."""

    inbox: dict[str, int]
    inventory: dict[str, int]
    sources: int
    scanned: int
    blocking: int  # sources at which red inventory fields are blocked
    is_full: bool  # the scan keeps no further field

    @property
    def in_inbox(self) -> int:
        """Fields that wait for a decision."""
        return sum(self.inbox.values())

    @property
    def in_inventory(self) -> int:
        """Fields that were decided on."""
        return sum(self.inventory.values())

    @property
    def not_blocking(self) -> int:
        """Sources that let red inventory fields through."""
        return self.sources - self.blocking


def state_of(workspace: Workspace, *, actor: User) -> State:
    """The state of the workspace's fields; needs the right to classify them."""
    require_right(actor, workspace, Right.CLASSIFY_FIELDS)
    since = timezone.now() - inbox.WINDOW
    seen = Exists(FieldEvent.objects.filter(source=OuterRef("pk"), last_seen__gte=since))
    blocks = Exists(StandardControl.objects.filter(source=OuterRef("pk")))
    sources = list(workspace.sources.annotate(is_seen=seen, blocks=blocks).values_list("is_seen", "blocks"))
    return State(
        inbox=inbox.count_by_colour(workspace, FieldFilter()).all,
        inventory=_inventory_by_class(workspace),
        sources=len(sources),
        scanned=sum(is_seen for is_seen, _ in sources),
        blocking=sum(is_blocking for _, is_blocking in sources),
        is_full=ObservedField.objects.filter(workspace=workspace).count() >= store.MOST_FIELDS,
    )


def _inventory_by_class(workspace: Workspace) -> dict[str, int]:
    rows = (
        InventoryField.objects.filter(workspace=workspace).order_by().values("classification").annotate(n=Count("pk"))
    )
    found = dict(rows.values_list("classification", "n"))
    return {colour.value: found.get(colour.value, 0) for colour in Classification}
