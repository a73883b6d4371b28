"""The pages of the HIPAA audit log: the log itself, the Audit Trail, and what the log covers."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from audit import coverage, queries
from audit.event_types import EventType
from audit.forms import AuditLogFilter, AuditTrailFilter
from audit.middleware import audited
from audit.proof.checkpoints import published_keys
from audit.views.asking import download_fields, from_address, id_from, question, to_address
from workspaces.access import Right, require_right
from workspaces.fresh import is_fresh
from workspaces.requests import MemberRequest, passive


@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.HIPAA_AUDIT_LOG_VIEWED)
def audit_log(request: MemberRequest) -> HttpResponse:
    """A page of rows. The filter is posted and comes back as an address, so that no end user's id stands in one."""
    return _page(request, AuditLogFilter, "audit/log.html")


@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.AUDIT_TRAIL_VIEWED)
def audit_trail(request: MemberRequest) -> HttpResponse:
    """The changes of the last 90 days, without who looked at what."""
    return _page(request, AuditTrailFilter, "audit/trail.html")


def _page(request: MemberRequest, filter_form: type[AuditLogFilter], template: str) -> HttpResponse:
    workspace = request.workspace
    require_right(request.user, workspace, Right.VIEW_AUDIT_LOG)
    request.audit_subject = workspace
    form = filter_form(request.POST if request.method == "POST" else from_address(request.GET, workspace))
    if not form.is_valid():
        return _show(request, form, queries.Page([], None, None), template)
    if request.method == "POST":
        return redirect(f"{request.path}?{urlencode(to_address(form, workspace))}")
    asked = question(form)
    request.audit_details = {"filter": asked.described()}
    older, newer = id_from(request.GET.get("older")), id_from(request.GET.get("newer"))
    return _show(request, form, queries.page(workspace.pk, asked, older_than=older, newer_than=newer), template)


def _show(request: MemberRequest, form: AuditLogFilter, page: queries.Page, template: str) -> HttpResponse:
    filtered = urlencode(to_address(form, request.workspace)) if form.is_valid() else ""
    fields = download_fields(form, request.workspace) if form.is_valid() else {}
    shown: dict[str, Any] = {
        "form": form,
        "page": page,
        "filtered": filtered,
        "download": urlencode(fields),
        "fields": list(fields.items()),
        "query": f"{filtered}&" if filtered else "",
        "members": request.workspace.members.order_by("email"),
        "keys": published_keys(str(request.workspace.pk)),
        "confirmed": "confirmed" in request.GET and is_fresh(request),
    }
    return render(request, template, shown)


@passive
@require_safe
def audit_log_new(request: MemberRequest) -> HttpResponse:
    """Whether rows came in since the page was made, asked by the page itself; it shows none of them and writes none."""
    require_right(request.user, request.workspace, Right.VIEW_AUDIT_LOG)
    in_trail = "trail" in request.GET
    form = (AuditTrailFilter if in_trail else AuditLogFilter)(from_address(request.GET, request.workspace))
    than = id_from(request.GET.get("than"))
    if than is None or not form.is_valid():
        return HttpResponse(status=204)
    if not queries.has_newer(request.workspace.pk, question(form), than=than, but_of=str(request.user.pk)):
        return HttpResponse(status=204)
    page = reverse("audit_trail" if in_trail else "audit_log", args=[request.workspace.slug])
    return render(request, "audit/new.html", {"page": f"{page}?{urlencode(to_address(form, request.workspace))}"})


@require_safe
def audit_coverage(request: MemberRequest) -> HttpResponse:
    """Every route, what PHI its answers can hold and the rows it writes; made from the code, the same everywhere."""
    require_right(request.user, request.workspace, Right.VIEW_AUDIT_LOG)
    shown = {"lines": coverage.lines(), "meanings": coverage.meanings()}
    return render(request, "audit/coverage.html", shown)
