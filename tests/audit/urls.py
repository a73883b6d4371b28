"""Small audited views, each with one habit, mounted beside the product's own pages."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import include, path
from django.views.decorators.http import require_safe

from audit.event_types import EventType
from audit.middleware import audited
from audit.models import AuditRow
from audit.record import record
from workspaces.models import Workspace
from workspaces.requests import MemberRequest

SHOWN = audited(EventType.SOURCE_VIEWED)
told: list[object] = []


@require_safe
@SHOWN
def page(request: MemberRequest) -> HttpResponse:
    request.audit_subject = request.workspace
    return HttpResponse("phi")


@SHOWN
def any_method(request: MemberRequest) -> HttpResponse:
    return HttpResponse("phi")


@SHOWN
def streams(request: MemberRequest) -> StreamingHttpResponse:
    def pieces() -> Iterator[str]:
        told.append(AuditRow.objects.filter(event_type="Source Viewed").count())
        yield "phi"

    return StreamingHttpResponse(pieces())


@SHOWN
def lazy(request: MemberRequest) -> HttpResponse:
    return TemplateResponse(request, "500.html")


@SHOWN
def writes_then_fails(request: MemberRequest) -> HttpResponse:
    Workspace.objects.filter(pk=request.workspace.pk).update(name="Changed")
    raise RuntimeError("something went wrong")


@SHOWN
def forbids(request: MemberRequest) -> HttpResponse:
    Workspace.objects.filter(pk=request.workspace.pk).update(name="Changed")
    raise PermissionDenied


def forbids_unaudited(request: MemberRequest) -> HttpResponse:
    raise PermissionDenied


@SHOWN
def missing(request: MemberRequest) -> HttpResponse:
    raise Http404


@SHOWN
def elsewhere(request: MemberRequest) -> HttpResponse:
    return HttpResponseRedirect("/")


@SHOWN
def verb(request: MemberRequest) -> HttpResponse:
    record(EventType.SOURCE_ENABLED, actor=request.user, workspace_id=request.workspace.pk)
    return HttpResponse("phi")


def open_to_all(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


views = [page, any_method, streams, lazy, writes_then_fails, forbids, forbids_unaudited, missing, elsewhere, verb]
urlpatterns = [
    *(path(f"<slug:workspace_slug>/t/{view.__name__}", view, name=view.__name__) for view in views),
    path("t/open_to_all", open_to_all),
    path("", include("segment_app.urls")),
]
