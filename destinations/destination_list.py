"""My Destinations: which rows, in what order."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.db.models import Case, F, QuerySet, Value, When
from django.db.models.functions import Lower

from destinations.catalog.base import CatalogEntry
from destinations.catalog.registry import catalog_entries
from destinations.models import Destination
from workspaces.access import Access, Right, require_right, within
from workspaces.listing import Question
from workspaces.models import User, Workspace

NAME = {"name": "Name"}
# Documented: up to five of these beside the name.
PROPERTIES = {
    "status": "Status",
    "category": "Category",
    "created": "Created At",
    "source": "Sources",
    "type": "Type",
}
USUAL = ("status", "category", "created", "source")
_KEYS = {
    "name": Lower("name"),
    "status": F("enabled"),
    "category": F("category"),
    "created": F("created_at"),
    "source": Lower("source__name"),
    "type": F("mode"),
}


def columns(chosen: Iterable[str] | None) -> dict[str, str]:
    """The table's columns and their heads, in the table's own order: the name and what was chosen, else the usual."""
    wanted = set(USUAL if chosen is None else chosen)
    return NAME | {name: label for name, label in PROPERTIES.items() if name in wanted}


def any_of(workspace: Workspace, access: Access) -> bool:
    """Whether there is a destination that may be seen with this access."""
    return workspace.destinations.filter(within(access, Right.VIEW_DESTINATIONS, "source")).exists()


def find(workspace: Workspace, asked: Question, *, actor: User) -> QuerySet[Destination]:
    """The destinations asked for, each with `category`, `mode` and its source at hand; settings stay unread."""
    access = require_right(actor, workspace, Right.VIEW_DESTINATIONS)
    mine = within(access, Right.VIEW_DESTINATIONS, "source")
    rows = workspace.destinations.filter(mine, name__icontains=asked.text)
    rows = rows.annotate(category=_by_kind(lambda entry: entry.category), mode=_by_kind(lambda entry: entry.mode.value))
    return asked.in_order(rows, _KEYS).select_related("source").defer("sealed_settings")


def _by_kind(said: Callable[[CatalogEntry], str]) -> Case:
    """What the catalog says of each row's kind; it stands in no table."""
    kinds = [When(kind=entry.slug, then=Value(said(entry))) for entry in catalog_entries()]
    return Case(*kinds, default=Value("Other"))
