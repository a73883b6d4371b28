"""What the lists of inbox and inventory have in common: the question in the address, counts, one page, the way back."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from django import forms
from django.contrib import messages
from django.core.paginator import Page
from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

from privacy.field_filters import Counts, FieldFilter, SourceChoice, source_choices
from privacy.models import Classification
from workspaces import listing
from workspaces.models import Workspace
from workspaces.requests import MemberRequest

Sources = Collection[uuid.UUID] | None


class FieldList(NamedTuple):
    """One page of a list, and what its templates take."""

    asked: FieldFilter
    choices: list[SourceChoice]
    page: Page[Any]
    context: dict[str, Any]


def field_list(
    request: MemberRequest,
    find: Callable[[Workspace, FieldFilter, Sources], QuerySet[Any]],
    count: Callable[[Workspace, FieldFilter, Sources], Counts],
) -> FieldList:
    """The page that the address asks for. `find` gives the rows and `count` their numbers by colour."""
    asked, choices = FieldFilter.read(request.GET), source_choices(request.workspace)
    sources = asked.source_ids(choices)
    counts = count(request.workspace, asked, sources)
    rows = find(request.workspace, asked, sources)
    page = listing.page_of(rows, request.GET, count=counts.shown(asked.colours))
    context = {
        "asked": asked,
        "told": asked.told(choices),
        "choices": choices,
        "counts": counts,
        "colours": Classification.choices,
        "page": page,
        "links": listing.links(page, asked),
    }
    return FieldList(asked, choices, page, context)


def back_to(request: MemberRequest, name: str) -> HttpResponse:
    """To the list of that route, as it was filtered."""
    where = reverse(name, args=[request.workspace.slug])
    query = FieldFilter.read(QueryDict(request.POST.get("asked", ""))).query
    return redirect(f"{where}?{query}" if query else where)


def refused(request: MemberRequest, form: forms.Form, name: str) -> HttpResponse:
    """What is wrong with a form that has no page of its own: for htmx as text, else above the list of that route."""
    text = " ".join(str(error) for errors in form.errors.values() for error in errors)
    if request.htmx:
        return HttpResponse(text, status=422, content_type="text/plain")
    messages.error(request, text)
    return back_to(request, name)
