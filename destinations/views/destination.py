"""One destination: Settings with what its buttons lead to, and what all its tabs share."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from audit.event_types import EventType
from audit.middleware import audited
from audit.record import record
from destinations import connections, removal, status
from destinations.catalog.base import Mode
from destinations.forms import BasicForm, CopyForm, DeleteForm, HoldForm, clean_settings, settings_form
from destinations.kinds import entry_of, shows_encryption
from destinations.models import Destination
from workspaces.access import Right, require_right
from workspaces.requests import MemberRequest


@require_safe
def start(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """The destination's first tab."""
    return redirect("destination_overview", request.workspace.slug, destination_id)


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.DESTINATION_VIEWED)
def settings(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """Basic Settings. People who may not change them see the name and state, not what may hold credentials."""
    destination = find(request, destination_id)
    if not request.access.may(Right.EDIT_DESTINATIONS, destination.source_id):
        if request.method == "POST":
            raise PermissionDenied(Right.EDIT_DESTINATIONS.phrase)
        return render(request, "destinations/settings.html", frame(destination))
    posted = request.POST if request.method == "POST" else None
    basic = BasicForm(posted, initial={"name": destination.name, "enabled": destination.enabled})
    hold = _hold_form(destination, posted)
    form = settings_form(destination.kind, stored=connections.settings_of(destination), data=posted)
    if posted is not None:
        valid = all([basic.is_valid(), form.is_valid(), hold is None or hold.is_valid()])
        if valid and _save(request, destination, basic, clean_settings(form), hold):
            return redirect("destination_settings", request.workspace.slug, destination.pk)
        # Shows the settings again, which is recorded for GET requests only.
        record(EventType.DESTINATION_VIEWED, actor=request.user, workspace_id=request.workspace.pk, subject=destination)
    context = {
        **frame(destination),
        "basic": basic,
        "form": form,
        "hold": hold,
        "withheld": status.withheld(destination),
    }
    return render(request, "destinations/settings.html", context)


def _hold_form(destination: Destination, posted: QueryDict | None) -> HoldForm | None:
    """The switch of workspaces bound by a BAA, and wherever it is on; None for browsers' own."""
    if entry_of(destination.kind).mode is Mode.DEVICE:  # nothing passes through here that could be held
        return None
    if not (destination.workspace.is_bound_by_hipaa or destination.hold_unclassified):
        return None
    return HoldForm(posted, initial={"hold_unclassified": destination.hold_unclassified})


def _save(
    request: MemberRequest,
    destination: Destination,
    basic: BasicForm,
    settings: dict[str, object],
    hold: HoldForm | None,
) -> bool:
    switch = connections.enable_destination if basic.cleaned_data["enabled"] else connections.disable_destination
    try:
        with transaction.atomic():
            connections.require_revision(destination, revision_of(request), actor=request.user)
            connections.change_destination(
                destination, actor=request.user, name=basic.cleaned_data["name"], settings=settings
            )
            switch(destination, actor=request.user)
            if hold is not None:
                on = hold.cleaned_data["hold_unclassified"]
                connections.hold_unclassified(destination, actor=request.user, on=on)
    except ValidationError as refusal:
        basic.add_error(None, refusal)
        return False
    messages.success(request, "Your changes are saved. They apply to events from now on, after 60 seconds at most.")
    return True


def revision_of(request: MemberRequest) -> int:
    """The destination's revision as the page showed it that was sent; -1 where it does not say."""
    sent = request.POST.get("revision", "")
    return int(sent) if sent.isdecimal() and len(sent) <= 10 else -1  # noqa: PLR2004  (digits of the column)


def find(request: MemberRequest, destination_id: uuid.UUID) -> Destination:
    """The destination, which the audit row of the page will name; raises Http404 where the person may see none."""
    destination = connections.find(destination_id, actor=request.user, workspace=request.workspace)
    request.audit_subject, request.source_id = destination, destination.source_id
    return destination


def frame(destination: Destination) -> dict[str, object]:
    """What `destination_base.html` takes."""
    return {
        "destination": destination,
        "entry": entry_of(destination.kind),
        "encryption_shown": shows_encryption(destination),
        "filters_shown": entry_of(destination.kind).supports_encryption,  # both: event-stream, cloud-mode only
    }


def _changeable(request: MemberRequest, destination_id: uuid.UUID) -> Destination:
    destination = find(request, destination_id)
    require_right(request.user, request.workspace, Right.EDIT_DESTINATIONS, source=destination.source)
    return destination


@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.DESTINATION_VIEWED)
def copy_settings(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """Copy Settings From Other Destination: of the same kind; credentials go along unseen."""
    destination = _changeable(request, destination_id)
    others = connections.others_to_copy(destination, actor=request.user)
    form = CopyForm(others, request.POST if request.method == "POST" else None)
    if form.is_valid():
        other = form.cleaned_data["other"]
        connections.copy_settings(destination, other.pk, actor=request.user)
        messages.success(request, f"The settings of {other.name} are copied. Name, state and encryption are as before.")
        return redirect("destination_settings", request.workspace.slug, destination.pk)
    context = {**frame(destination), "form": form, "others": others}
    return render(request, "destinations/copy_settings.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.DESTINATION_VIEWED)
def delete(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """Delete Destination: says what is lost and asks for the name to be typed."""
    destination = _changeable(request, destination_id)
    form = DeleteForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            removal.delete_destination(destination, actor=request.user, typed_name=form.cleaned_data["typed_name"])
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            messages.success(request, f"{destination.name} is deleted.")
            return redirect("destinations", request.workspace.slug)
    context = {**frame(destination), "form": form, "waiting": removal.waiting_of(destination)}
    return render(request, "destinations/delete.html", context)
