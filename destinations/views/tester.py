"""The Event Tester of one destination."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from audit.event_types import EventType
from audit.middleware import audited
from destinations.models import Destination
from destinations.pasted import NoEvent, read_event, written
from destinations.testing.samples import TYPES, sample_event
from destinations.testing.sending import NotSent, send_test_event
from destinations.views.destination import find, frame
from destinations.views.filters import require_cloud_mode
from destinations.views.samples import samples
from workspaces.access import Right, require_right
from workspaces.requests import MemberRequest

MOST_LOOKED_AT = 200


@sensitive_post_parameters()
@sensitive_variables("context")
@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.EVENT_TESTER_VIEWED)
def tester(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """Type, load or generate an event, send it, and see request and answer."""
    destination = find(request, destination_id)
    require_cloud_mode(destination)
    require_right(request.user, request.workspace, Right.EDIT_DESTINATIONS, source=destination.source)
    chosen = request.POST.get("type", "")
    event_type = chosen if chosen in TYPES else TYPES[0]
    context: dict[str, Any] = {
        **frame(destination),
        "types": TYPES,
        "type": event_type,
        "masked": Right.SEE_PII not in request.rights,
        **_answer(request, destination, event_type),
    }
    response = render(request, "destinations/tester.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _answer(request: MemberRequest, destination: Destination, event_type: str) -> dict[str, Any]:
    """What the pressed button asks for: another payload, or the event sent."""
    payload, do = request.POST.get("payload", ""), request.POST.get("do", "")
    if do == "load":
        events = samples(request, destination, limit=MOST_LOOKED_AT)
        found = next((event for event in events if event["type"] == event_type), None)
        if found is None:
            return {"payload": payload, "error": f"The source sent no {event_type} event lately."}
        return {"payload": written(found)}
    if do != "send":
        return {"payload": written(sample_event(event_type))}
    try:
        # The chosen type counts, whatever the payload says of itself.
        event = {**read_event(payload, default_type=event_type), "type": event_type}
        return {"payload": payload, "tested": send_test_event(destination, event, actor=request.user)}
    except (NoEvent, NotSent) as refusal:
        return {"payload": payload, "error": str(refusal)}
