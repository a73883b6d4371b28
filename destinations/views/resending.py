"""Undelivered events and replays of one destination: what there is, and sending it again."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit.event_types import EventType
from audit.middleware import audited
from audit.record import record
from destinations import status
from destinations.models import Destination
from destinations.resending import dead_letters
from destinations.resending import replays as verbs
from destinations.views.delivery import id_in
from destinations.views.destination import find, frame
from destinations.views.resending_forms import ReplayForm
from workspaces.access import Right
from workspaces.requests import MemberRequest, passive


@require_safe
@audited(EventType.UNDELIVERED_VIEWED)
def undelivered(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """Dead letters and held events, by reason and one by one."""
    destination = find(request, destination_id)
    rows = status.undelivered(destination, before=id_in(request, "before"))
    context = {
        **frame(destination),
        "groups": dead_letters.groups(destination),
        "undelivered": [(row, status.explain(row.reason), dead_letters.can_be_sent(row)) for row in rows.rows],
        "older_undelivered": rows.older,
        "queued": dead_letters.waiting_to_be_prepared(destination),
        "refusal": dead_letters.refusal_of(destination),
        "can_send": request.access.may(Right.EDIT_DESTINATIONS, destination.source_id),
    }
    return render(request, "destinations/undelivered.html", context)


@require_POST
def send(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """Send undelivered events again: the chosen ones, those of a reason, or all."""
    destination = find(request, destination_id)
    which, reason = request.POST.get("which", ""), request.POST.get("reason", "")
    ids: list[uuid.UUID] | None = _ids(request.POST.getlist("id"))
    if which == "all" or (which == "reason" and reason):
        ids = None
    try:
        count = dead_letters.send_again(
            destination, actor=request.user, ids=ids, reason=reason if which == "reason" else ""
        )
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        if count:
            told = "event is" if count == 1 else "events are"
            messages.success(request, f"{count} {told} sent again, as this destination is configured now.")
        else:
            messages.warning(request, "Nothing was chosen that can be sent again.")
    return redirect("undelivered", request.workspace.slug, destination.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.REPLAY_LIST_VIEWED)
def replays(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """Replays with their progress, and the form that starts one."""
    destination = find(request, destination_id)
    form = ReplayForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        if not request.access.may(Right.EDIT_DESTINATIONS, destination.source_id):
            raise PermissionDenied(Right.EDIT_DESTINATIONS.phrase)
        try:
            if form.is_valid():
                verbs.start_replay(destination, **form.cleaned_data, actor=request.user)
                messages.success(request, "The replay has started.")
                return redirect("replays", request.workspace.slug, destination.pk)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        record(EventType.REPLAY_LIST_VIEWED, actor=request.user, workspace_id=request.workspace.pk, subject=destination)
    return render(request, "destinations/replays.html", {**_list(request, destination), "form": form})


@passive
@require_safe
def progress(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """The list of replays, asked for by the page itself while one is running."""
    return render(request, "destinations/replay_table.html", _list(request, find(request, destination_id)))


@require_POST
def cancel(request: MemberRequest, destination_id: uuid.UUID, replay_id: uuid.UUID) -> HttpResponse:
    """Send nothing more of a replay."""
    destination = find(request, destination_id)
    replay = get_object_or_404(destination.replays.select_related("destination__source"), pk=replay_id)
    if verbs.cancel_replay(replay, actor=request.user):
        messages.success(request, "The replay is cancelled. What was sent before stays sent.")
    else:
        messages.warning(request, "The replay had come to its end already.")
    return redirect("replays", request.workspace.slug, destination.pk)


def _list(request: MemberRequest, destination: Destination) -> dict[str, object]:
    found = verbs.progress(destination)
    return {
        **frame(destination),
        "replays": found,
        "running": any(each.is_running for each in found),
        "refusal": dead_letters.refusal_of(destination),
        "can_send": request.access.may(Right.EDIT_DESTINATIONS, destination.source_id),
    }


def _ids(texts: list[str]) -> list[uuid.UUID]:
    found = []
    for text in texts[:1000]:
        try:
            found.append(uuid.UUID(text))
        except ValueError:
            continue
    return found
