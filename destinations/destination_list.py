"""My Destinations: which rows, in what order."""

from __future__ import annotations

from django.db.models import Case, F, QuerySet, Value, When
from django.db.models.functions import Lower

from destinations.catalog.registry import catalog_entries
from destinations.models import Destination
from workspaces.access import Right, require_right, within
from workspaces.listing import Question
from workspaces.models import User, Workspace

COLUMNS = {
    "name": "Name",
    "status": "Status",
    "category": "Category",
    "created": "Created At",
    "source": "Sources",
}
_KEYS = {
    "name": Lower("name"),
    "status": F("enabled"),
    "category": F("category"),
    "created": F("created_at"),
    "source": Lower("source__name"),
}


def find(workspace: Workspace, asked: Question, *, actor: User) -> QuerySet[Destination]:
    """The destinations asked for, each with its `category` and its source at hand; settings stay unread."""
    access = require_right(actor, workspace, Right.VIEW_DESTINATIONS)
    kinds = [When(kind=entry.slug, then=Value(entry.category)) for entry in catalog_entries()]
    mine = within(access, Right.VIEW_DESTINATIONS, "source")
    rows = workspace.destinations.filter(mine, name__icontains=asked.text)
    rows = rows.annotate(category=Case(*kinds, default=Value("Other")))
    return asked.in_order(rows, _KEYS).select_related("source").defer("sealed_settings")
