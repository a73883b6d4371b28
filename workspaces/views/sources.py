"""My Sources, the catalog, adding a source, one source."""

from __future__ import annotations

from django.conf import settings as site
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from audit.event_types import EventType
from audit.middleware import audited
from audit.record import record
from destinations.reports.connected import connected
from workspaces import catalog as source_catalog
from workspaces import event_counts, listing, source_list, write_keys
from workspaces import sources as verbs
from workspaces.access import Right, require_right, visible_sources
from workspaces.forms import AddSourceForm, SourceLabelsForm, SourceSettingsForm
from workspaces.models import Source
from workspaces.pipeline_steps import is_received, source_steps
from workspaces.requests import MemberRequest
from workspaces.snippets import LANGUAGES, language_for, snippet
from workspaces.views.pipeline import Asked

STAND_IN = "YOUR_WRITE_KEY"  # in the examples of those who may not see the key


@require_safe
@audited(EventType.SOURCE_LIST_VIEWED)
def my_sources(request: MemberRequest) -> HttpResponse:
    """The workspace's sources: searched, sorted, in pages."""
    access = require_right(request.user, request.workspace, Right.VIEW_SOURCES)
    mine = visible_sources(access, request.workspace)
    asked = listing.Question.read(request.GET, source_list.COLUMNS)
    page = listing.page_of(source_list.find(mine, asked), request.GET)
    context = {
        "page": page,
        "asked": asked,
        "links": listing.links(page, asked),
        "any_source": mine.exists(),
    }
    return render(request, "workspaces/sources.html", context)


@require_safe
def catalog(request: MemberRequest) -> HttpResponse:
    """Every kind of source, filtered by name and category."""
    require_right(request.user, request.workspace, Right.VIEW_SOURCES)
    text, category = listing.search_text(request.GET), request.GET.get("category", "")
    context = {
        "text": text,
        "category": category,
        "categories": source_catalog.CATEGORIES,
        "groups": source_catalog.find(text, category),
    }
    return render(request, "workspaces/source_catalog.html", context)


@require_safe
def kind(request: MemberRequest, kind: str) -> HttpResponse:
    """What one kind of source is for."""
    require_right(request.user, request.workspace, Right.VIEW_SOURCES)
    return render(request, "workspaces/source_kind.html", {"kind": _kind_or_404(kind)})


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: MemberRequest, kind: str) -> HttpResponse:
    """Name a new source and add it."""
    chosen = _kind_or_404(kind)
    require_right(request.user, request.workspace, Right.ADD_SOURCES)
    form = AddSourceForm(request.POST or None)
    if form.is_valid():
        try:
            source = verbs.add_source(
                request.workspace, kind=chosen.slug, name=form.cleaned_data["name"], actor=request.user
            )
            return redirect("source_overview", request.workspace.slug, source.slug)
        except ValidationError as error:
            form.add_error(None, error)
    return render(request, "workspaces/source_add.html", {"kind": chosen, "form": form})


@require_safe
@audited(EventType.SOURCE_VIEWED)
def overview(request: MemberRequest, source_slug: str) -> HttpResponse:
    """What came in and where it stopped, write key and code to connect with, where it goes."""
    source = find(request, source_slug)
    asked = Asked.read(request)
    counts = event_counts.tally(source.pk, asked.span)
    steps = source_steps(counts)
    chosen = asked.chosen(steps)
    language = request.GET.get("language", "")
    language = language if language in LANGUAGES else language_for(source.kind)
    write_key = _visible_key(request, source)
    context = {
        "source": source,
        "kind": source_catalog.kind_of(source.kind),
        "write_key": write_key,
        "languages": LANGUAGES.items(),
        "snippet": snippet(language, write_key=write_key or STAND_IN, site_url=site.SITE_URL),
        **asked.context,
        "steps": steps,
        "chosen": chosen,
        "names": event_counts.names(source.pk, chosen, asked.span) if asked.by_name else [],
        "eligible": counts.total(is_received),
        "connected": connected(source, asked.span, request.access),
        "can_edit": _may_edit(request, source),
        "can_add_destination": request.access.may(Right.EDIT_DESTINATIONS, source.pk),
    }
    return render(request, "workspaces/source_overview.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.SOURCE_VIEWED)
def settings(request: MemberRequest, source_slug: str) -> HttpResponse:
    """Name and state to change, id and write key to read."""
    source = find(request, source_slug)
    form = SourceSettingsForm(request.POST or None, initial={"name": source.name, "enabled": source.enabled})
    if not _may_edit(request, source):
        for field in form.fields.values():
            field.disabled = True
    if request.method == "POST" and form.is_valid():
        try:
            _save(request, source, form.cleaned_data["name"], enabled=form.cleaned_data["enabled"])
            messages.success(request, "Your changes are saved.")
            return redirect("source_settings", request.workspace.slug, source.slug)
        except ValidationError as error:
            form.add_error(None, error)
    if request.method == "POST":  # shows the write key again, which only GET requests have recorded for them
        record(EventType.SOURCE_VIEWED, actor=request.user, workspace_id=request.workspace.pk, subject=source)
    context = {
        "source": source,
        "kind": source_catalog.kind_of(source.kind),
        "form": form,
        "can_edit": _may_edit(request, source),
        "write_key": _visible_key(request, source),
        "label_form": SourceLabelsForm(source) if Right.MANAGE_LABELS in request.rights else None,
    }
    return render(request, "workspaces/source_settings.html", context)


@transaction.atomic
def _save(request: MemberRequest, source: Source, name: str, *, enabled: bool) -> None:
    verbs.rename_source(source, name=name, actor=request.user)
    switch = verbs.enable_source if enabled else verbs.disable_source
    switch(source, actor=request.user)


def _visible_key(request: MemberRequest, source: Source) -> str | None:
    """The write key for those who may see it; None for others."""
    return write_keys.reveal(source) if _may_edit(request, source) else None


def _may_edit(request: MemberRequest, source: Source) -> bool:
    return request.access.may(Right.EDIT_SOURCES, source.pk)


def find(request: MemberRequest, source_slug: str) -> Source:
    """A source the person may see; Http404 for any other."""
    access = require_right(request.user, request.workspace, Right.VIEW_SOURCES)
    source = get_object_or_404(visible_sources(access, request.workspace), slug=source_slug)
    request.audit_subject, request.source_id = source, source.pk
    return source


def _kind_or_404(slug: str) -> source_catalog.SourceKind:
    if slug not in source_catalog.BY_SLUG:
        raise Http404("no such source type")
    return source_catalog.BY_SLUG[slug]
