"""Workspace settings: the general ones, and what being HIPAA eligible means."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from audit.event_types import EventType
from audit.middleware import audited
from workspaces.access import Right, require_right
from workspaces.forms import GeneralSettingsForm
from workspaces.general_settings import change_general_settings
from workspaces.models import Workspace
from workspaces.requests import MemberRequest


@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.WORKSPACE_SETTINGS_VIEWED)
def basic(request: MemberRequest) -> HttpResponse:
    """General Settings."""
    workspace = request.workspace
    require_right(request.user, workspace, Right.VIEW_SETTINGS)
    request.audit_subject = workspace
    initial = {field: getattr(workspace, field) for field in ("name", "slug", "strict_write_keys")}
    form = GeneralSettingsForm(request.POST or None, initial=initial)
    if Right.CHANGE_SETTINGS not in request.rights:
        for field in form.fields.values():
            field.disabled = True
    if request.method == "POST" and form.is_valid():
        try:
            change_general_settings(workspace, actor=request.user, **form.cleaned_data)
            messages.success(request, "Your changes are saved.")
            return redirect("settings_basic", workspace.slug)
        except ValidationError as error:
            form.add_error(None, error)
    return render(request, "workspaces/settings_basic.html", {"form": form})


@require_safe
def eligible_products(request: MemberRequest) -> HttpResponse:
    """Which parts of the product may carry PHI."""
    _require_eligible(request)
    return render(request, "workspaces/eligible_products.html")


@require_safe
def architecting(request: MemberRequest) -> HttpResponse:
    """Who sees to what: this product, its operator, the customer."""
    _require_eligible(request)
    return render(request, "workspaces/architecting.html")


def _require_eligible(request: MemberRequest) -> None:
    workspace: Workspace = request.workspace
    require_right(request.user, workspace, Right.VIEW_SETTINGS)
    if not workspace.is_hipaa_eligible:
        raise Http404("the workspace is not HIPAA eligible")
