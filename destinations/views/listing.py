"""My Destinations."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from audit.event_types import EventType
from audit.middleware import audited
from destinations import destination_list
from workspaces import listing
from workspaces.requests import MemberRequest

SHOWN = "destination_columns"


@require_safe
@audited(EventType.DESTINATION_LIST_VIEWED)
def my_destinations(request: MemberRequest) -> HttpResponse:
    """The workspace's destinations: searched, sorted, in pages."""
    columns = destination_list.columns(_chosen(request))
    asked = listing.Question.read(request.GET, columns)
    page = listing.page_of(destination_list.find(request.workspace, asked, actor=request.user), request.GET)
    context = {
        "page": page,
        "asked": asked,
        "properties": [(name, label, name in columns) for name, label in destination_list.PROPERTIES.items()],
        "links": listing.links(page, asked),
        "any_destination": destination_list.any_of(request.workspace, request.access),
    }
    return render(request, "destinations/destinations.html", context)


def _chosen(request: MemberRequest) -> list[str] | None:
    """The columns last chosen in this session; None where none ever were. The choice is sent as `?show=...&show=`."""
    if "show" in request.GET:
        request.session[SHOWN] = [name for name in destination_list.PROPERTIES if name in request.GET.getlist("show")]
    chosen: list[str] | None = request.session.get(SHOWN)
    return chosen
