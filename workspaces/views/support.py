"""Support Access: an owner lets support staff into the workspace's pages for a time."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from audit.event_types import EventType
from audit.middleware import audited
from workspaces import support_access as verbs
from workspaces.access import Right, require_right
from workspaces.forms import SupportAccessForm
from workspaces.requests import MemberRequest
from workspaces.support_leave import in_force

SHOWN = 50


@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.WORKSPACE_SETTINGS_VIEWED)
def support_access(request: MemberRequest) -> HttpResponse:
    """Whether support staff are let in, until when, and every time they were; a POST lets them in."""
    workspace = request.workspace
    require_right(request.user, workspace, Right.GRANT_SUPPORT_ACCESS)
    request.audit_subject = workspace
    form = SupportAccessForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        duration = timedelta(hours=form.cleaned_data["hours"])
        leave = verbs.grant(workspace, duration=duration, reason=form.cleaned_data["reason"], actor=request.user)
        messages.success(request, f"Support staff can open this workspace until {leave.expires_at:%Y-%m-%d %H:%M} UTC.")
        return redirect("support_access", workspace.slug)
    context = {
        "form": form,
        "leave": in_force(workspace),
        "history": verbs.history(workspace, actor=request.user)[:SHOWN],
        "shown": SHOWN,
    }
    return render(request, "workspaces/support_access.html", context)


@require_POST
def revoke(request: MemberRequest) -> HttpResponse:
    """Shut support staff out at once."""
    if verbs.revoke(request.workspace, actor=request.user):
        messages.success(request, "Support staff can no longer open this workspace.")
    return redirect("support_access", request.workspace.slug)
