"""The catalog of destination kinds, and what one kind does. Neither page shows anything of the customer's."""

from __future__ import annotations

from itertools import groupby

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from destinations.catalog.base import CatalogEntry
from destinations.catalog.registry import catalog_entries
from destinations.kinds import entry_of
from workspaces.access import Right, require_right
from workspaces.listing import search_text
from workspaces.requests import MemberRequest


@require_safe
def catalog(request: MemberRequest) -> HttpResponse:
    """Every kind of destination, filtered by name and category."""
    require_right(request.user, request.workspace, Right.VIEW_DESTINATIONS)
    text, category = search_text(request.GET), request.GET.get("category", "")
    context = {
        "text": text,
        "category": category,
        "categories": sorted({entry.category for entry in catalog_entries()}),
        "groups": _grouped(text, category),
    }
    return render(request, "destinations/catalog.html", context)


def _grouped(text: str, category: str) -> list[tuple[str, list[CatalogEntry]]]:
    found = [
        entry for entry in catalog_entries() if text.lower() in entry.name.lower() and category in {"", entry.category}
    ]
    found.sort(key=lambda entry: entry.category)
    return [(name, list(entries)) for name, entries in groupby(found, key=lambda entry: entry.category)]


@require_safe
def kind(request: MemberRequest, kind: str) -> HttpResponse:
    """What one kind of destination does, receives and needs."""
    require_right(request.user, request.workspace, Right.VIEW_DESTINATIONS)
    entry = entry_of(kind)
    context = {"entry": entry, "event_types": sorted(entry.event_types)}
    return render(request, "destinations/kind.html", context)
