"""The inbox: its list, rows that open, new rows as they come, colours, and what goes into the inventory."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST, require_safe

from audit.event_types import EventType
from audit.middleware import audited
from audit.record import record
from privacy import inbox as verbs
from privacy.field_filters import FieldFilter, source_choices
from privacy.field_forms import ColourForm, FieldsForm
from privacy.models import Classification, ObservedField
from privacy.samples import open_sample
from privacy.views.field_list import back_to, field_list, refused
from privacy.views.rights import require_classifying
from workspaces.requests import MemberRequest, passive

LIST = "privacy_inbox"


@require_safe
@audited(EventType.PRIVACY_INBOX_VIEWED)
def inbox(request: MemberRequest) -> HttpResponse:
    """The fields that wait for a decision: filtered, searched, in pages."""
    require_classifying(request)
    request.audit_subject = request.workspace
    found = field_list(request, verbs.find, verbs.count_by_colour)
    context = {
        **found.context,
        # Rows that come in later go on top: only where the top is shown.
        "live": found.page.number == 1 and not found.asked.sort,
        **_since([field.pk for field in found.page.object_list]),
    }
    return render(request, "privacy/inbox.html", context)


@passive
@require_safe
def new_fields(request: MemberRequest) -> HttpResponse:
    """Rows that came in since the page, or the last of these, was made; asked by the page itself every few seconds.

    Recorded where it shows a field. Nothing new is answered 204, which leaves the page as it is.
    """
    require_classifying(request)
    asked, choices = FieldFilter.read(request.GET), source_choices(request.workspace)
    known = _ids(request.GET, "known")
    since = next(iter(_ids(request.GET, "since")), verbs.moment())
    sources = asked.source_ids(choices)
    fields = verbs.find_new(request.workspace, asked, sources, since=since, known=known)
    if not fields:
        return HttpResponse(status=204)
    workspace = request.workspace
    record(EventType.PRIVACY_INBOX_VIEWED, actor=request.user, workspace_id=workspace.pk, subject=workspace)
    counts = verbs.count_by_colour(request.workspace, asked, sources)
    context = {
        "asked": asked,
        "fields": fields,
        "counts": counts,
        "colours": Classification.choices,
        **_since([*(field.pk for field in fields), *known]),
    }
    return render(request, "privacy/inbox_new.html", context)


@require_safe
@audited(EventType.PRIVACY_INBOX_VIEWED)
def details(request: MemberRequest, field_id: uuid.UUID) -> HttpResponse:
    """An opened row: where the field was seen, which rule found it."""
    field = _find(request, field_id)
    context = {"field": field, "events": verbs.events_of(field), "most_events": verbs.MOST_EVENTS}
    return render(request, "privacy/inbox_field.html", context)


@require_safe
@audited(EventType.FIELD_SAMPLE_VIEWED)
def sample(request: MemberRequest, field_id: uuid.UUID) -> HttpResponse:
    """The sample that is kept of the field, as numbered JSON with its line marked."""
    field = _find(request, field_id)
    return render(request, "privacy/sample.html", {"field": field, "sample": open_sample(field, actor=request.user)})


@require_POST
def choose(request: MemberRequest) -> HttpResponse:
    """Pick a colour for one field or several. htmx gets the row anew, a form its page."""
    require_classifying(request)
    form = ColourForm(request.POST)
    if not form.is_valid():
        return refused(request, form, LIST)
    ids, colour = form.cleaned_data["field"], Classification(form.cleaned_data["colour"])
    changed = verbs.choose_colour(request.workspace, ids, colour, actor=request.user)
    if request.htmx and len(ids) == 1:
        fields = verbs.fields_of(request.workspace).filter(pk=ids[0])
        return render(request, "privacy/inbox_rows.html", {"fields": fields, "colours": Classification.choices})
    messages.success(request, f"{_number(changed)} set to {colour.label}. Add to Inventory applies it.")
    return back_to(request, LIST)


@require_POST
def add(request: MemberRequest) -> HttpResponse:
    """Put one field or several into the inventory, each with the colour it shows."""
    require_classifying(request)
    form = FieldsForm(request.POST)
    if not form.is_valid():
        return refused(request, form, LIST)
    added = verbs.add_to_inventory(request.workspace, form.cleaned_data["field"], actor=request.user)
    if request.htmx and len(form.cleaned_data["field"]) == 1:
        counts = verbs.count_by_colour(request.workspace, FieldFilter())
        return render(request, "privacy/inbox_added.html", {"added": added, "counts": counts})
    messages.success(request, f"{_number(len(added))} added to the inventory.")
    return back_to(request, LIST)


def _number(count: int) -> str:
    return f"{count} field{'' if count == 1 else 's'}"


def _find(request: MemberRequest, field_id: uuid.UUID) -> ObservedField:
    require_classifying(request)
    related = ObservedField.objects.select_related("workspace", "sample_source", "entry")
    request.audit_subject = field = get_object_or_404(related, pk=field_id, workspace=request.workspace)
    return field


def _since(shown: list[uuid.UUID]) -> dict[str, Any]:
    """What the next look for new rows starts from: a moment, and what of later ones is on the page already."""
    since = verbs.moment()
    return {"since": since, "known": [pk for pk in shown if pk > since]}


def _ids(query: QueryDict, name: str) -> list[uuid.UUID]:
    """The ids among the values of a parameter."""
    found = []
    for text in query.getlist(name)[: verbs.NEWEST * 4]:
        try:
            found.append(uuid.UUID(text))
        except ValueError:
            continue
    return found
