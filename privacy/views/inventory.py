"""The inventory: its list, classes to change, one entry's sheet, downloads."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from audit.event_types import EventType
from audit.middleware import audited
from audit.streams import whole_or_told
from destinations.field_reach import reach_of
from privacy import inventory_details, inventory_export, inventory_list
from privacy.explain import blocking
from privacy.field_filters import SourceChoice, source_choices
from privacy.field_forms import ClassForm
from privacy.inventory import classify_field
from privacy.inventory_details import Period
from privacy.models import Classification, InventoryField
from privacy.views.field_list import back_to, field_list, refused
from privacy.views.rights import require_classifying
from workspaces.requests import MemberRequest

LIST = "privacy_inventory"
ICONS = 3  # sources of a row that are shown by their icon


@require_safe
@audited(EventType.PRIVACY_INVENTORY_VIEWED)
def inventory(request: MemberRequest) -> HttpResponse:
    """Every classified field: filtered, searched, in pages."""
    require_classifying(request)
    request.audit_subject = request.workspace
    found = field_list(request, inventory_list.find, inventory_list.count_by_class)
    context = {**found.context, "rows": _rows(list(found.page.object_list), found.choices)}
    return render(request, "privacy/inventory.html", context)


@require_safe
def inventory_csv(request: MemberRequest) -> StreamingHttpResponse:
    """The whole inventory as a file, recorded before its first byte leaves."""
    pieces = inventory_export.start_export(request.workspace, actor=request.user)
    return StreamingHttpResponse(whole_or_told(pieces, "csv"), headers=_as_file(request, "inventory"))


@require_POST
def classify(request: MemberRequest, field_id: uuid.UUID) -> HttpResponse:
    """Change an entry's class. htmx gets the row anew, a form its page."""
    entry = _find(request, field_id)
    form = ClassForm(request.POST)
    if not form.is_valid():
        return refused(request, form, LIST)
    classification = Classification(form.cleaned_data["colour"])
    changed = entry.classification != classification or bool(form.cleaned_data["reason"])
    if changed:
        entry = classify_field(
            request.workspace,
            name=entry.name,
            classification=classification,
            reason=form.cleaned_data["reason"],
            actor=request.user,
        )
    if request.htmx:
        rows = _rows([entry], source_choices(request.workspace))
        return render(request, "privacy/inventory_rows.html", {"rows": rows, "colours": Classification.choices})
    messages.success(request, f"{entry.name} is classified as {classification.label}.")
    return back_to(request, LIST)


@require_safe
@audited(EventType.PRIVACY_INVENTORY_VIEWED)
def overview(request: MemberRequest, field_id: uuid.UUID) -> HttpResponse:
    """How often the entry's fields were seen, by source over time."""
    entry = _find(request, field_id)
    period = Period.read(request.GET.get("period", ""))
    told = inventory_details.breakdown(entry, period)
    first, last = inventory_details.span(entry)
    context = {
        "breakdown": told,
        "labels": [f"{start:%H:%M}" if period is Period.DAY else f"{start:%d %b}" for start in told.starts],
        "period": period,
        "periods": list(Period),
        "first_seen": first,
        "last_seen": last,
    }
    return _sheet(request, entry, "overview", context)


@require_safe
def overview_csv(request: MemberRequest, field_id: uuid.UUID) -> HttpResponse:
    """The same numbers as a file."""
    entry = _find(request, field_id)
    told = inventory_details.breakdown(entry, Period.read(request.GET.get("period", "")))
    text = inventory_export.export_breakdown(entry, told, actor=request.user)
    return HttpResponse(text, headers=_as_file(request, "field"))


@require_safe
@audited(EventType.PRIVACY_INVENTORY_VIEWED)
def events(request: MemberRequest, field_id: uuid.UUID) -> HttpResponse:
    """Events that held the entry's fields, and the sources that sent them."""
    entry = _find(request, field_id)
    most = inventory_details.MOST_ROWS
    return _sheet(request, entry, "events", {"events": inventory_details.events_of(entry), "most_events": most})


@require_safe
@audited(EventType.PRIVACY_INVENTORY_VIEWED)
def connected(request: MemberRequest, field_id: uuid.UUID) -> HttpResponse:
    """What each destination gets of the entry's fields."""
    entry = _find(request, field_id)
    names, sources = inventory_details.seen_as(entry)
    blocked = blocking(sources) if entry.classification == Classification.RED else frozenset()
    reach = reach_of(request.workspace, names, sources, blocked_at=blocked, access=request.access)
    return _sheet(request, entry, "destinations", {"reach": reach, "sources": sources})


@require_safe
@audited(EventType.PRIVACY_INVENTORY_VIEWED)
def access(request: MemberRequest, field_id: uuid.UUID) -> HttpResponse:
    """Members who can see the entry's fields."""
    entry = _find(request, field_id)
    viewers = inventory_details.viewers(entry, inventory_details.sources_that_carry(entry))
    return _sheet(request, entry, "access", {"viewers": viewers})


@require_safe
@audited(EventType.PRIVACY_INVENTORY_VIEWED)
def history(request: MemberRequest, field_id: uuid.UUID) -> HttpResponse:
    """Who classified the entry as what, when and why."""
    entry = _find(request, field_id)
    changes = entry.changes.select_related("changed_by")[: inventory_details.MOST_ROWS]
    return _sheet(request, entry, "history", {"changes": changes})


def _sheet(request: MemberRequest, entry: InventoryField, part: str, context: dict[str, Any]) -> HttpResponse:
    shown = {"entry": entry, "part": part, "part_template": f"privacy/inventory_{part}.html", **context}
    return render(request, "privacy/inventory_field.html", shown)


def _find(request: MemberRequest, field_id: uuid.UUID) -> InventoryField:
    require_classifying(request)
    request.audit_subject = entry = get_object_or_404(
        request.workspace.inventory.select_related("workspace"), pk=field_id
    )
    return entry


def _rows(entries: list[InventoryField], choices: list[SourceChoice]) -> list[dict[str, Any]]:
    """Entries with the sources they were seen in."""
    seen = inventory_list.sources_of(entries)
    rows = []
    for entry in entries:
        mine = set(seen.get(entry.pk, ()))
        sources = [source for source in choices if source.id in mine]
        rows.append({"entry": entry, "sources": sources[:ICONS], "more": max(0, len(sources) - ICONS)})
    return rows


def _as_file(request: MemberRequest, what: str) -> dict[str, str]:
    name = f"{request.workspace.slug}-{what}-{timezone.now():%Y-%m-%d}.csv"
    return {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
    }
