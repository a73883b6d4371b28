"""My Destinations."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from audit.event_types import EventType
from audit.middleware import audited
from destinations import destination_list
from workspaces.requests import MemberRequest


@require_safe
@audited(EventType.DESTINATION_LIST_VIEWED)
def my_destinations(request: MemberRequest) -> HttpResponse:
    """The workspace's destinations: searched, sorted, in pages."""
    asked = destination_list.Question.read(request.GET)
    found = destination_list.find(request.workspace, asked, actor=request.user)
    page = Paginator(found, destination_list.PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"page": page, "asked": asked, "any_destination": request.workspace.destinations.exists()}
    return render(request, "destinations/destinations.html", context)
