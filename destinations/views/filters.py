"""Filters of one destination: the list, the form in its two steps with a sample event to try it on, and deleting."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from audit.event_types import EventType
from audit.middleware import audited
from destinations.filters import actions, builder, changing
from destinations.filters.builder import answers_of
from destinations.filters.functions import EvaluationError
from destinations.filters.shown import Line, lines
from destinations.models import Destination, Filter
from destinations.pasted import NoEvent, read_event, written
from destinations.views.destination import find, frame
from destinations.views.filter_form import ACTIONS, FilterForms
from destinations.views.samples import known_fields, samples
from workspaces.access import Right, require_right
from workspaces.requests import MemberRequest

GET_OR_POST = ["GET", "HEAD", "POST"]
SAVED = "Your filter is saved. It applies to events from now on, after 60 seconds at most."


@dataclass(frozen=True, slots=True)
class Tried:
    """What a filter does to the sample event. `kind` is that of a callout."""

    kind: str
    text: str
    lines: list[Line] = field(default_factory=list)


@require_safe
@audited(EventType.FILTER_LIST_VIEWED)
def filters(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """Every filter of the destination, in the order they were made."""
    destination = _filtered(request, destination_id)
    rows = [(each, _summary(each)) for each in destination.filters.all()]
    context = {
        **frame(destination),
        "rows": rows,
        "most": changing.MOST_FILTERS,
        "may_edit": _may(request, destination),
    }
    return render(request, "destinations/filters.html", context)


@sensitive_post_parameters()
@require_http_methods(GET_OR_POST)
@audited(EventType.FILTER_VIEWED)
def new(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """+ New Filter."""
    destination = _filtered(request, destination_id)
    require_right(request.user, request.workspace, Right.EDIT_DESTINATIONS, source=destination.source)
    return _answer(request, destination, None)


@sensitive_post_parameters()
@require_http_methods(GET_OR_POST)
@audited(EventType.FILTER_VIEWED)
def edit(request: MemberRequest, destination_id: uuid.UUID, filter_id: uuid.UUID) -> HttpResponse:
    """Change a filter."""
    destination = _filtered(request, destination_id)
    return _answer(request, destination, changing.find(destination, filter_id, actor=request.user))


@require_http_methods(GET_OR_POST)
@audited(EventType.FILTER_VIEWED)
def delete(request: MemberRequest, destination_id: uuid.UUID, filter_id: uuid.UUID) -> HttpResponse:
    """Ask, then remove the filter."""
    destination = _filtered(request, destination_id)
    found = changing.find(destination, filter_id, actor=request.user)
    if request.method == "POST":
        changing.delete_filter(found, actor=request.user)
        messages.success(request, f"The filter {found.name} is deleted, after 60 seconds at most for every event.")
        return redirect("destination_filters", request.workspace.slug, destination.pk)
    return render(request, "destinations/filter_delete.html", {**frame(destination), "filter": found})


def _answer(request: MemberRequest, destination: Destination, found: Filter | None) -> HttpResponse:
    """The form's page after the button that was pressed; a redirect once the filter is saved."""
    page = _Page(destination, found, _opened(request, found))
    page.sample = request.POST.get("sample", "")
    do, _, what = request.POST.get("do", "").partition(":")
    if do in {"add", "remove"}:
        page.forms = FilterForms.as_typed(request.POST, **{do: what})
    elif do in {"load", "back"}:
        page.forms = FilterForms.as_typed(request.POST)
    elif do in {"test", "next", "save"} and page.forms.rules_are_valid():
        if do == "test":
            page.tried = _tried(page)
        elif do == "next":
            page.forms.name, page.step = FilterForms.as_typed(request.POST).name, 2
        elif _save(request, page):
            return _to_list(request, destination)
    return _shown(request, page, load=do == "load" or not do)


@dataclass(slots=True)
class _Page:
    destination: Destination
    found: Filter | None
    forms: FilterForms
    sample: str = ""
    tried: Tried | None = None
    step: int = 1
    number: int = 0


def _stored(found: Filter) -> builder.Answers:
    return answers_of(found.name, found.answers, enabled=found.enabled)


def _opened(request: MemberRequest, found: Filter | None) -> FilterForms:
    if request.method == "POST":
        return FilterForms(request.POST)
    return FilterForms.of(_stored(found)) if found else FilterForms()


def _save(request: MemberRequest, page: _Page) -> bool:
    page.step = 2
    if not page.forms.name.is_valid():
        return False
    try:
        if page.found:
            changing.change_filter(page.found, page.forms.answers(), actor=request.user)
        else:
            changing.create_filter(page.destination, page.forms.answers(), actor=request.user)
    except ValidationError as refusal:
        page.forms.name.add_error(None, refusal)
        return False
    messages.success(request, SAVED)
    return True


def _tried(page: _Page) -> Tried:
    """The filter alone, as typed, asked about the sample event as shown: with dots for what the viewer may not see."""
    name = page.destination.name
    try:
        event = read_event(page.sample)
    except NoEvent as refusal:
        return Tried("error", str(refusal))
    (keep,) = actions.compiled([builder.rule_of(page.forms.answers())])
    try:
        left = keep(event)
    except EvaluationError as error:
        return Tried("error", f"This event will not be sent to {name}: {error}", lines(event, None))
    if left is None:
        return Tried("warning", f"This event will not be sent to {name}.", lines(event, None))
    if left is event:
        return Tried("success", f"This event will be sent to {name}.", lines(event, left))
    return Tried("warning", f"This event will be partially sent to {name}.", lines(event, left))


def _shown(request: MemberRequest, page: _Page, *, load: bool) -> HttpResponse:
    events = samples(request, page.destination)
    given = request.POST.get("number", "")
    page.number = int(given) if given.isascii() and given.isdecimal() and len(given) < 4 else 0  # noqa: PLR2004
    if load and events:
        page.sample = written(events[page.number % len(events)])
        page.number += 1
    context: dict[str, Any] = {
        **frame(page.destination),
        "page": page,
        "forms": page.forms,
        "known": known_fields(events),
        "has_samples": bool(events),
        "masked": Right.SEE_PII not in request.rights,
    }
    return render(request, "destinations/filter_form.html", context)


def _to_list(request: MemberRequest, destination: Destination) -> HttpResponse:
    url = reverse("destination_filters", args=[request.workspace.slug, destination.pk])
    return HttpResponse(headers={"HX-Redirect": url}) if request.htmx else redirect(url)


def _filtered(request: MemberRequest, destination_id: uuid.UUID) -> Destination:
    destination = find(request, destination_id)
    require_cloud_mode(destination)
    return destination


def require_cloud_mode(destination: Destination) -> None:
    """Raise Http404 where there is neither Filters nor Event Tester (documented: cloud-mode event streams only)."""
    if not frame(destination)["filters_shown"]:
        raise Http404("no event stream in cloud mode")


def _may(request: MemberRequest, destination: Destination) -> bool:
    return request.access.may(Right.EDIT_DESTINATIONS, destination.source_id)


def _summary(found: Filter) -> str:
    """What the filter does, without the values it compares with: they may be somebody's data."""
    answers = _stored(found)
    said = dict(ACTIONS)[answers.action]
    if answers.action == actions.SAMPLE:
        said += f" ({answers.percent:g} %)"
    if answers.fields:
        said += f": {', '.join(answers.fields)}"
    return f"{said}, {_when(answers)}"


def _when(answers: builder.Answers) -> str:
    if answers.join in {builder.EVERY, builder.FQL}:
        return "any event" if answers.join == builder.EVERY else "if its FQL is true"
    names = {builder.EVENT_TYPE: "Event Type", builder.EVENT_NAME: "Event Name"}
    said = [
        f"{names.get(each.subject, each.field)} {builder.OPERATORS[each.operator].label}" for each in answers.conditions
    ]
    return "if " + (" or " if answers.join == builder.ANY else " and ").join(said)
