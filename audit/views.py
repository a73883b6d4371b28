"""The HIPAA audit log for the owners of a workspace: one page and one download."""

from __future__ import annotations

import base64
import binascii
import uuid
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from audit import queries
from audit.event_types import EventType
from audit.export import start_export
from audit.forms import AuditLogFilter
from audit.middleware import audited
from workspaces.access import Right, require_right
from workspaces.models import User, Workspace
from workspaces.requests import MemberRequest
from workspaces.sealing import SealError, seal, unseal


@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.HIPAA_AUDIT_LOG_VIEWED)
def audit_log(request: MemberRequest) -> HttpResponse:
    """A page of rows. The filter is posted and comes back as an address, so that no end user's id stands in one."""
    workspace = request.workspace
    require_right(request.user, workspace, Right.VIEW_AUDIT_LOG)
    request.audit_subject = workspace
    form = AuditLogFilter(request.POST if request.method == "POST" else _from_address(request.GET, workspace))
    if not form.is_valid():
        return _show(request, form, queries.Page([], None, None))
    if request.method == "POST":
        return redirect(f"{request.path}?{urlencode(_to_address(form, workspace))}")
    question = _question(form)
    request.audit_details = {"filter": question.described()}
    older, newer = _id(request.GET.get("older")), _id(request.GET.get("newer"))
    return _show(request, form, queries.page(workspace.pk, question, older_than=older, newer_than=newer))


@require_safe
def audit_log_csv(request: MemberRequest) -> HttpResponse | StreamingHttpResponse:
    """The rows of the same filter as a file, recorded before its first byte leaves."""
    workspace = request.workspace
    require_right(request.user, workspace, Right.VIEW_AUDIT_LOG)
    form = AuditLogFilter(_from_address(request.GET, workspace))
    if not form.is_valid():
        return HttpResponse("The filter in this address is not valid.", status=400, content_type="text/plain")
    pieces = start_export(workspace, _question(form), actor=request.user)
    name = f"{workspace.slug}-hipaa-audit-log-{timezone.now():%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return StreamingHttpResponse(pieces, content_type="text/csv; charset=utf-8", headers=headers)


def _show(request: MemberRequest, form: AuditLogFilter, page: queries.Page) -> HttpResponse:
    filtered = urlencode(_to_address(form, request.workspace)) if form.is_valid() else ""
    shown = {
        "form": form,
        "page": page,
        "filtered": filtered,
        "query": f"{filtered}&" if filtered else "",
        "members": request.workspace.members.order_by("email"),
    }
    return render(request, "audit/log.html", shown)


def _question(form: AuditLogFilter) -> queries.Question:
    asked = {name: value for name, value in form.cleaned_data.items() if name != "actor"}
    return queries.Question(**asked, actor_user_id=_actor_id(form.cleaned_data["actor"]))


def _actor_id(typed: str) -> str:
    """A user id, from itself or from an e-mail address; what nobody has finds nothing."""
    user = User.objects.filter(email=typed.lower()).only("pk").first() if "@" in typed else None
    return str(user.pk) if user else typed


def _id(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None


def _to_address(form: AuditLogFilter, workspace: Workspace) -> dict[str, str]:
    """The filter as query parameters: an end user's id is sealed, since addresses end up in logs and histories."""
    end_user_id = form.cleaned_data["end_user_id"]
    if not end_user_id:
        return form.as_query()
    sealed = seal(end_user_id.encode(), bound_to=_bound_to(workspace))
    return {**form.as_query(), "end_user": base64.urlsafe_b64encode(sealed).decode()}


def _from_address(query: QueryDict, workspace: Workspace) -> dict[str, Any]:
    """The filter from query parameters; a sealed id that does not open is looked for as it stands, and not found."""
    asked: dict[str, Any] = {name: query[name] for name in AuditLogFilter.base_fields if name in query}
    asked.pop("end_user_id", None)
    if sealed := query.get("end_user"):
        try:
            opened = unseal(base64.urlsafe_b64decode(sealed), bound_to=_bound_to(workspace)).decode()
        except (SealError, binascii.Error, UnicodeError):
            opened = sealed[:255]
        asked["end_user_id"] = opened
    return asked


def _bound_to(workspace: Workspace) -> bytes:
    return b"audit filter" + workspace.pk.bytes
