"""Event Delivery of one destination: its numbers, its issues, and samples of what was not delivered."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from audit.event_types import EventType
from audit.middleware import audited
from destinations import status
from destinations.reports import event_delivery as report
from destinations.reports import issues, outcomes
from destinations.reports.issues import Sample
from destinations.views.destination import find, frame
from privacy.masking import MASK, seen_by
from privacy.views.restricted import restricted_fields
from workspaces.access import Right
from workspaces.event_counts import Period
from workspaces.requests import MemberRequest

PARTS = {"sent": "You Sent", "request": "Request to Destination", "response": "Response from Destination"}


@require_safe
@audited(EventType.EVENT_DELIVERY_VIEWED)
def event_delivery(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """What became of the events: counts, trends, issues, latest tries."""
    destination = find(request, destination_id)
    name, period = _period(request)
    numbers = report.numbers(destination, period)
    context = {
        **frame(destination),
        "numbers": numbers,
        "p95": report.in_words(numbers.p95),
        "period": name,
        "periods": [(key, label) for key, (label, _) in report.PERIODS.items()],
        "trend": "latency" if request.GET.get("trend") == "latency" else "delivery",
        "issues": issues.issues(destination, period.starts[0]),
        "attempts": status.attempts(destination, before=id_in(request, "before")),
        "paged": "before" in request.GET,
    }
    return render(request, "destinations/delivery.html", context)


@require_safe
@audited(EventType.DELIVERY_SAMPLE_VIEWED)
def issue(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """One reason why events were not delivered, with samples; in the side sheet, or a page of its own."""
    destination = find(request, destination_id)
    name, period = _period(request)
    code = request.GET.get("reason", "")
    found = issues.issue(destination, code, period.starts[0])
    sample = issues.sample(destination, code, period.starts[0], number=number_in(request))
    if found is None or sample is None:
        raise Http404("no such issue in this period")
    part = request.GET.get("part", "")
    part = part if part in PARTS else "sent"
    request.audit_details = {"delivery": str(sample.delivery.pk), "reason": code, "part": PARTS[part]}
    request.audit_message_id = sample.delivery.message_id
    shown = _shown(sample, part)
    context = {
        **frame(destination),
        "issue": found,
        "sample": sample,
        "period": name,
        "part": part,
        "parts": PARTS.items(),
        "payload": as_json(seen_by(request.access, destination.workspace_id, shown)) if shown is not None else "",
        "restricted": restricted_fields(request, shown) if part == "sent" else [],
        "answer": _answer(request, sample) if part == "response" else "",
        "retries": outcomes.RETRIES,
    }
    return render(request, "destinations/issue.html", context)


def _answer(request: MemberRequest, sample: Sample) -> str:
    """What the receiver said. It may repeat any part of the event in any form: without PII Access all of it is dots."""
    said = sample.answer()
    if said and Right.SEE_PII not in request.rights:
        return MASK
    try:
        return as_json(json.loads(said)) if said else ""
    except (ValueError, RecursionError):
        return said


def _shown(sample: Sample, part: str) -> dict[str, Any] | None:
    """The part, before it is masked; None where it is not kept."""
    if part == "response":
        return None
    sent: Any = sample.sent() if part == "sent" else _parsed(sample.request())
    return sent if isinstance(sent, dict) else None


def _parsed(body: bytes | None) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:  # written by a connector in a form of its own
        return None


def as_json(value: object) -> str:
    """Indented JSON for a page; lone surrogates, which no page can carry, are escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return text if _encodes(text) else json.dumps(value, indent=2)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _period(request: MemberRequest) -> tuple[str, Period]:
    name = request.GET.get("period", "")
    name = name if name in report.PERIODS else "day"
    return name, report.PERIODS[name][1]()


def number_in(request: MemberRequest) -> int:
    """Which sample is asked for, from 1."""
    asked = request.GET.get("sample", "1")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 4 else 1  # noqa: PLR2004


def id_in(request: MemberRequest, name: str) -> uuid.UUID | None:
    """An id of the query; None where there is none, or it is no id."""
    try:
        return uuid.UUID(request.GET.get(name, ""))
    except ValueError:
        return None
