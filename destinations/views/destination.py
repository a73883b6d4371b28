"""One destination: Event Delivery, Data Encryption, Settings."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from audit.event_types import EventType
from audit.middleware import audited
from audit.record import record
from destinations import connections, status
from destinations.forms import BasicForm, clean_settings, settings_form
from destinations.kinds import entry_of, offers_encryption
from destinations.models import Destination
from workspaces.access import Right
from workspaces.requests import MemberRequest


@require_safe
def start(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """The destination's first tab."""
    return redirect("destination_delivery", request.workspace.slug, destination_id)


@require_safe
@audited(EventType.EVENT_DELIVERY_VIEWED)
def delivery(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """What became of the events: counts, latest tries, and what was not delivered."""
    destination = _find(request, destination_id)
    undelivered = status.undelivered(destination, before=_id(request, "undelivered_before"))
    context = {
        **_frame(destination),
        "counts": status.counts(destination),
        "attempts": status.attempts(destination, before=_id(request, "before")),
        "undelivered": [(row, status.explain(row.reason)) for row in undelivered.rows],
        "older_undelivered": undelivered.older,
        "paged": "before" in request.GET or "undelivered_before" in request.GET,
    }
    return render(request, "destinations/delivery.html", context)


@require_safe
@audited(EventType.DATA_ENCRYPTION_VIEWED)
def encryption(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """Whether and how events are encrypted for this destination; 404 where Data Encryption does not exist."""
    destination = _find(request, destination_id)
    if not offers_encryption(request.workspace, destination.kind):
        raise Http404("no data encryption here")
    context = {**_frame(destination), "chosen": destination.encrypted_fields.all(), "key": destination.public_key}
    return render(request, "destinations/encryption.html", context)


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.DESTINATION_VIEWED)
def settings(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """Basic Settings. People who may not change them see the name and state, not what may hold credentials."""
    destination = _find(request, destination_id)
    if not request.access.may(Right.EDIT_DESTINATIONS, destination.source_id):
        if request.method == "POST":
            raise PermissionDenied(Right.EDIT_DESTINATIONS.phrase)
        return render(request, "destinations/settings.html", _frame(destination))
    posted = request.POST if request.method == "POST" else None
    basic = BasicForm(posted, initial={"name": destination.name, "enabled": destination.enabled})
    form = settings_form(destination.kind, stored=connections.settings_of(destination), data=posted)
    if posted is not None:
        if all([basic.is_valid(), form.is_valid()]) and _save(request, destination, basic, clean_settings(form)):
            return redirect("destination_settings", request.workspace.slug, destination.pk)
        # Shows the settings again, which is recorded for GET requests only.
        record(EventType.DESTINATION_VIEWED, actor=request.user, workspace_id=request.workspace.pk, subject=destination)
    return render(request, "destinations/settings.html", {**_frame(destination), "basic": basic, "form": form})


def _save(request: MemberRequest, destination: Destination, basic: BasicForm, settings: dict[str, object]) -> bool:
    switch = connections.enable_destination if basic.cleaned_data["enabled"] else connections.disable_destination
    try:
        with transaction.atomic():
            connections.change_destination(
                destination, actor=request.user, name=basic.cleaned_data["name"], settings=settings
            )
            switch(destination, actor=request.user)
    except ValidationError as refusal:
        basic.add_error(None, refusal)
        return False
    messages.success(request, "Your changes are saved. They apply to events from now on, after 60 seconds at most.")
    return True


def _find(request: MemberRequest, destination_id: uuid.UUID) -> Destination:
    destination = connections.find(destination_id, actor=request.user, workspace=request.workspace)
    request.audit_subject = destination
    return destination


def _frame(destination: Destination) -> dict[str, object]:
    return {
        "destination": destination,
        "entry": entry_of(destination.kind),
        "encryption_offered": offers_encryption(destination.workspace, destination.kind),
    }


def _id(request: MemberRequest, name: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(request.GET.get(name, ""))
    except ValueError:
        return None
