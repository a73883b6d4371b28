"""The Privacy Portal's home: what was found, what was decided, what to do next."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from audit.event_types import EventType
from audit.middleware import audited
from privacy import overview
from privacy.scanning.store import MOST_FIELDS
from workspaces.requests import MemberRequest


@require_safe
@audited(EventType.PRIVACY_PORTAL_VIEWED)
def home(request: MemberRequest) -> HttpResponse:
    """Counts by colour and what waits for a decision."""
    request.audit_subject = request.workspace
    state = overview.state_of(request.workspace, actor=request.user)
    return render(request, "privacy/home.html", {"state": state, "most_fields": MOST_FIELDS})
