"""Delivery Overview of one destination: its first tab."""

from __future__ import annotations

import uuid

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from audit.event_types import EventType
from audit.middleware import audited
from destinations.reports import discards, outcomes
from destinations.reports.overview import names as names_of
from destinations.reports.overview import overview as overview_of
from destinations.views.delivery import as_json, number_in
from destinations.views.destination import find, frame
from privacy.masking import seen_by
from workspaces.requests import MemberRequest
from workspaces.views.pipeline import Asked


@require_safe
@audited(EventType.DELIVERY_OVERVIEW_VIEWED)
def overview(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """Where the events of a stretch of time stopped, and why."""
    destination = find(request, destination_id)
    asked = Asked.read(request)
    found = overview_of(destination, asked.span)
    chosen = asked.chosen(found.steps)
    context = {
        **frame(destination),
        **asked.context,
        "overview": found,
        "chosen": chosen,
        "names": names_of(destination, chosen, asked.span) if asked.by_name else [],
        "has_samples": chosen.key in {"filtered", "failed"},
    }
    return render(request, "destinations/overview.html", context)


@require_safe
@audited(EventType.DELIVERY_SAMPLE_VIEWED)
def discard(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """One reason why events stopped on their way, with samples; in the side sheet, or a page of its own."""
    destination = find(request, destination_id)
    asked = Asked.read(request)
    reason = discards.reason_of(overview_of(destination, asked.span), request.GET.get("reason", ""))
    if reason is None:
        raise Http404("no event stopped for this reason in this time")
    sample = discards.sample(destination, reason.code, asked.span, number=number_in(request))
    request.audit_details = {"reason": reason.code, "part": "You Sent"}
    payload = ""
    if sample is not None:
        request.audit_details["sample"] = str(sample.row_id)
        if sample.event is not None:
            request.audit_message_id = sample.message_id
            payload = as_json(seen_by(request.access, destination.workspace_id, sample.event))
    context = {
        **frame(destination),
        **asked.context,
        "reason": reason,
        "names": discards.names(destination, reason, asked.span),
        "sample": sample,
        "payload": payload,
        "failed": outcomes.is_failure(reason.code),
    }
    return render(request, "destinations/discard.html", context)
