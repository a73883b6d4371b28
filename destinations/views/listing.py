"""My Destinations."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from audit.event_types import EventType
from audit.middleware import audited
from destinations import destination_list
from workspaces import listing
from workspaces.requests import MemberRequest


@require_safe
@audited(EventType.DESTINATION_LIST_VIEWED)
def my_destinations(request: MemberRequest) -> HttpResponse:
    """The workspace's destinations: searched, sorted, in pages."""
    asked = listing.Question.read(request.GET, destination_list.COLUMNS)
    page = listing.page_of(destination_list.find(request.workspace, asked, actor=request.user), request.GET)
    context = {
        "page": page,
        "asked": asked,
        "links": listing.links(page, asked),
        "any_destination": request.workspace.destinations.exists(),
    }
    return render(request, "destinations/destinations.html", context)
