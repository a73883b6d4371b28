"""A workspace's home: what is connected and what came in."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from destinations.models import Destination
from workspaces import event_counts
from workspaces.access import Right, require_right, visible_sources, within
from workspaces.requests import MemberRequest
from workspaces.views.entrance import LAST_WORKSPACE

DAYS = 7


@require_safe
def home(request: MemberRequest) -> HttpResponse:
    """Tiles and a chart, or the way to a first source."""
    access = require_right(request.user, request.workspace, Right.OPEN_WORKSPACE)
    if request.session.get(LAST_WORKSPACE) != request.workspace.slug:
        request.session[LAST_WORKSPACE] = request.workspace.slug
    sources = visible_sources(access, request.workspace)
    fed = within(access, Right.VIEW_DESTINATIONS, "source")
    context = {
        "active_sources": sources.filter(enabled=True).count(),
        "any_source": sources.exists(),
        "active_destinations": Destination.objects.filter(fed, workspace=request.workspace, enabled=True).count(),
        "counts": event_counts.of_sources(sources, event_counts.last_days(DAYS)),
    }
    return render(request, "workspaces/home.html", context)
