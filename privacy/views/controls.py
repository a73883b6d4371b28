"""Privacy > Settings > Standard Controls: the sources at which red fields are blocked."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from audit.event_types import EventType
from audit.middleware import audited
from privacy import standard_controls as verbs
from privacy.models import Classification, InventoryField
from privacy.views.rights import require_classifying
from workspaces.models import Source
from workspaces.requests import MemberRequest


@require_safe
@audited(EventType.STANDARD_CONTROLS_VIEWED)
def controls(request: MemberRequest) -> HttpResponse:
    """Every source with its switch, and how many values were blocked lately."""
    require_classifying(request)
    request.audit_subject = request.workspace
    red = InventoryField.objects.filter(workspace=request.workspace, classification=Classification.RED).count()
    return render(request, "privacy/controls.html", {"controls": verbs.overview(request.workspace), "red": red})


@require_safe
@audited(EventType.STANDARD_CONTROLS_VIEWED)
def details(request: MemberRequest, source_id: uuid.UUID) -> HttpResponse:
    """What is or would be blocked at one source."""
    source = _find(request, source_id)
    context = {"source": source, "details": verbs.details(source), "most": verbs.MOST_PATHS}
    return render(request, "privacy/controls_source.html", context)


@require_POST
def switch(request: MemberRequest, source_id: uuid.UUID) -> HttpResponse:
    """Block red fields at a source, or stop."""
    source = _find(request, source_id)
    if request.POST.get("block") == "1":
        verbs.block_red_fields(source, actor=request.user)
        messages.success(request, f"Red fields of {source.name} are blocked, within 5 seconds everywhere.")
    else:
        verbs.stop_blocking(source, actor=request.user)
        messages.success(request, f"Red fields of {source.name} are stored again. What was blocked is gone.")
    return redirect("privacy_controls", request.workspace.slug)


def _find(request: MemberRequest, source_id: uuid.UUID) -> Source:
    require_classifying(request)
    request.audit_subject = source = get_object_or_404(request.workspace.sources, pk=source_id)
    return source
