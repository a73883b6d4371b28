"""Label Management: the labels of a workspace, and those of one source."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from workspaces import labels as verbs
from workspaces.access import Right, require_right, visible_sources
from workspaces.forms import GONE, LabelForm, SourceLabelsForm
from workspaces.requests import MemberRequest


@require_http_methods(["GET", "HEAD", "POST"])
def labels(request: MemberRequest) -> HttpResponse:
    """The labels with what uses them; a POST makes one."""
    needed = Right.MANAGE_LABELS if request.method == "POST" else Right.VIEW_SETTINGS
    access = require_right(request.user, request.workspace, needed)
    form = LabelForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            label = verbs.create_label(request.workspace, actor=request.user, **form.cleaned_data)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            messages.success(request, f"{label} is there. Put it on a source in the source's settings.")
            return redirect("labels", request.workspace.slug)
    context = {"form": form, "labels": verbs.labels_of(request.workspace, access)}
    return render(request, "workspaces/people/labels.html", context)


@require_POST
def delete(request: MemberRequest, label_id: uuid.UUID) -> HttpResponse:
    """Remove a label that nothing uses."""
    require_right(request.user, request.workspace, Right.MANAGE_LABELS)
    label = get_object_or_404(request.workspace.labels, pk=label_id)
    try:
        verbs.delete_label(label, actor=request.user)
        messages.success(request, f"{label} is removed.")
    except ValidationError as refusal:
        messages.error(request, refusal.messages[0])
    return redirect("labels", request.workspace.slug)


@require_POST
def of_source(request: MemberRequest, source_slug: str) -> HttpResponse:
    """Put labels on a source and take others off."""
    access = require_right(request.user, request.workspace, Right.MANAGE_LABELS)
    source = get_object_or_404(visible_sources(access, request.workspace), slug=source_slug)
    form = SourceLabelsForm(source, request.POST)
    if form.is_valid():
        verbs.set_labels(source, form.label_ids(), actor=request.user)
        messages.success(request, "The labels are saved. Roles given by label follow at once.")
    else:
        messages.error(request, f"The labels were not saved. {GONE}")
    return redirect("source_settings", request.workspace.slug, source.slug)
