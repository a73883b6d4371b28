"""The catalog of destination kinds, and what one kind does. No page here shows anything of the customer's."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from destinations.catalog.base import CatalogEntry, Mode
from destinations.catalog.registry import catalog_entries
from destinations.kinds import entry_of
from workspaces.access import Right, require_right
from workspaces.listing import search_text
from workspaces.requests import MemberRequest

FEATURED = "New & Noteworthy"  # stands beside the categories, and is one in the page's address


@require_safe
def catalog(request: MemberRequest) -> HttpResponse:
    """Kinds that get each event by itself, from here or in the browser; filtered by name and category."""
    return _listed(request, [entry for entry in catalog_entries() if entry.mode is not Mode.STORAGE])


@require_safe
def storage_catalog(request: MemberRequest) -> HttpResponse:
    """Kinds that keep events by the file; filtered by name and category."""
    return _listed(request, [entry for entry in catalog_entries() if entry.mode is Mode.STORAGE])


def _listed(request: MemberRequest, entries: Sequence[CatalogEntry]) -> HttpResponse:
    require_right(request.user, request.workspace, Right.VIEW_DESTINATIONS)
    text, category = search_text(request.GET), request.GET.get("category", "")
    names = {entry.slug for entry in entries}
    context = {
        "text": text,
        "category": category,
        "categories": sorted({entry.category for entry in entries}),
        "featured": [FEATURED] if any(entry.featured for entry in entries) else [],
        "groups": _grouped(entries, text, category),
        "elsewhere": [entry for entry in _named(catalog_entries(), text) if text and entry.slug not in names],
    }
    return render(request, "destinations/catalog.html", context)


def _named(entries: Sequence[CatalogEntry], text: str) -> list[CatalogEntry]:
    return [entry for entry in entries if text.lower() in entry.name.lower()]


def _grouped(entries: Sequence[CatalogEntry], text: str, category: str) -> list[tuple[str, list[CatalogEntry]]]:
    found = _named(entries, text)
    if category == FEATURED:
        featured = [entry for entry in found if entry.featured]
        return [(FEATURED, featured)] if featured else []
    found = sorted((each for each in found if category in {"", each.category}), key=lambda entry: entry.category)
    return [(name, list(group)) for name, group in groupby(found, key=lambda entry: entry.category)]


@require_safe
def kind(request: MemberRequest, kind: str) -> HttpResponse:
    """What one kind of destination does, receives and needs."""
    require_right(request.user, request.workspace, Right.VIEW_DESTINATIONS)
    entry = entry_of(kind)
    context = {"entry": entry, "event_types": sorted(entry.event_types)}
    return render(request, "destinations/kind.html", context)
