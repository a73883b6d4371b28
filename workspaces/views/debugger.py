"""The Source Debugger: a source's last events as they come in, each in full, masked for those without PII Access."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from audit.event_types import EventType
from audit.middleware import audited
from audit.record import record
from privacy.masking import all_seen_by
from privacy.views.restricted import restricted_fields
from workspaces import catalog, debugger
from workspaces.debugger import Event, Seen
from workspaces.debugger_search import MOST_KEYWORDS, SCOPES, Search, read_search
from workspaces.requests import MemberRequest, passive
from workspaces.views.sources import find

TYPES = ("track", "page", "screen", "identify", "group", "alias")


class Row(NamedTuple):
    """One event in the list: as it is, and what the person may see of its name and id."""

    seen: Seen
    label: str
    message_id: str


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.SOURCE_DEBUGGER_VIEWED)
def live(request: MemberRequest, source_slug: str) -> HttpResponse:
    """The last 500 events, newest first; new ones come on top by themselves. A POST searches them.

    What is searched for may be PHI: it stands in no address, and of it only how much it was is recorded.
    """
    source, search = find(request, source_slug), _search(request)
    sample = debugger.latest(source)
    if search.keywords:
        request.audit_details = {"searched": search.scope_label, "keywords": len(search.keywords)}
    context = {
        "source": source,
        "kind": catalog.kind_of(source.kind),
        "rows": _rows(request, sample.events, search),
        "search": search,
        "scopes": SCOPES.items(),
        "most_keywords": MOST_KEYWORDS,
        "cursor": debugger.write_cursor(sample.cursor),
        "types": TYPES,
        "most": debugger.MOST_EVENTS,
    }
    return render(request, "workspaces/debugger.html", context)


@passive
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def new_events(request: MemberRequest, source_slug: str) -> HttpResponse:
    """Events since the page, or the last of these, was made; asked by the page itself every few seconds.

    Recorded where it shows an event. Nothing new is answered 204, which leaves the page as it is. While the page
    searches it asks with POST, and is shown what it searches for.
    """
    source, search = find(request, source_slug), _search(request)
    sample = debugger.latest(source, after=debugger.read_cursor(request.GET.get("after", "")))
    if not sample.events:
        return HttpResponse(status=204)
    rows = _rows(request, sample.events, search)
    if rows:
        record(EventType.SOURCE_DEBUGGER_VIEWED, actor=request.user, workspace_id=request.workspace.pk, subject=source)
    context = {
        "source": source,
        "rows": rows,
        "search": search,
        "cursor": debugger.write_cursor(sample.cursor),
    }
    return render(request, "workspaces/debugger_new.html", context)


@require_safe
@audited(EventType.SOURCE_DEBUGGER_PRETTY_VIEWED)
def pretty(request: MemberRequest, source_slug: str, key: str) -> HttpResponse:
    """One event as the call that sent it."""
    return _event(request, source_slug, key, view="pretty")


@require_safe
@audited(EventType.SOURCE_DEBUGGER_RAW_VIEWED)
def raw(request: MemberRequest, source_slug: str, key: str) -> HttpResponse:
    """One event as JSON."""
    return _event(request, source_slug, key, view="raw")


def _event(request: MemberRequest, source_slug: str, key: str, *, view: str) -> HttpResponse:
    source = find(request, source_slug)
    seen = debugger.find(source, key)
    if seen is None:
        raise Http404("this event is no longer kept")
    (event,) = _masked(request, [seen])
    if event is not None:
        request.audit_details = {"place": seen.key}
        request.audit_message_id = str(event.get("messageId", ""))
    context = {
        "source": source,
        "kind": catalog.kind_of(source.kind),
        "row": _row(seen, event),
        "view": view,
        "code": _code(event, view) if event is not None else "",
        "restricted": restricted_fields(request, seen.event),
    }
    return render(request, "workspaces/debugger_event.html", context)


def _code(event: Event, view: str) -> str:
    if view == "pretty":
        return debugger.pretty(event)
    # What no page can carry, lone surrogates, is escaped.
    text = json.dumps(event, indent=2, ensure_ascii=False)
    return text if text.isprintable() or "\\ud" not in ascii(text) else json.dumps(event, indent=2)


def _search(request: MemberRequest) -> Search:
    sent = request.POST
    return read_search(sent.get("scope", ""), sent.getlist("keyword"), without=sent.get("without", "").strip())


def _rows(request: MemberRequest, events: Sequence[Seen], search: Search) -> list[Row]:
    shown = zip(events, _masked(request, events), strict=True)
    return [_row(seen, event) for seen, event in shown if search.finds(event)]


def _row(seen: Seen, event: Event | None) -> Row:
    if event is None:
        return Row(seen, seen.why, "")
    text = debugger.label_of(event).encode(errors="replace").decode()
    return Row(seen, text, str(event.get("messageId", "")).encode(errors="replace").decode())


def _masked(request: MemberRequest, events: Sequence[Seen]) -> list[Event | None]:
    """What the person may see of each; None where there is no payload."""
    payloads = [seen.event for seen in events if seen.event is not None]
    shown = iter(all_seen_by(request.access, request.workspace.pk, payloads))
    return [next(shown) if seen.event is not None else None for seen in events]
