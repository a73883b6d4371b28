"""The Data Encryption tab of one destination: what is in force, and changing it."""

from __future__ import annotations

import uuid
from itertools import chain

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from audit.event_types import EventType
from audit.middleware import audited
from destinations import drafts
from destinations.drafts import Answers
from destinations.encryption import change, coverage, setup
from destinations.forms import EncryptionForm, by_field, can_generate, encryption_form, typed_encryption
from destinations.kinds import entry_of, require_encryption, shows_encryption, why_no_encryption
from destinations.models import Destination, Draft
from destinations.views import key_pairs
from destinations.views.destination import find, frame, revision_of
from destinations.views.key_pairs import Drawn, only_once, unstored
from privacy.explained import Named, ids_of
from workspaces.access import Right
from workspaces.fresh import ask_again, is_fresh
from workspaces.requests import MemberRequest

SAVED = "Your changes are saved. They apply to events from now on, after 60 seconds at most."
TURNED_OFF = (
    "Data encryption is turned off: events leave as they are received, after 60 seconds at most. What was delivered "
    "stays encrypted."
)
SHOWN_PATHS = 8  # that one chosen field covers
RESUME = "resume"  # in the query: the answers are kept, as after confirming who one is


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.DATA_ENCRYPTION_VIEWED)
def encryption(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """Whether and how events are encrypted for this destination; 404 where Data Encryption does not exist."""
    destination = _find(request, destination_id)
    if not entry_of(destination.kind).supports_encryption:
        return _unsupported(request, destination)
    if not _may_change(request, destination):
        if request.method == "POST":
            raise PermissionDenied(Right.EDIT_DESTINATIONS.phrase)
        return render(request, "destinations/encryption.html", _context(destination))
    draft = change.open_change(destination, actor=request.user)
    if request.method == "POST":
        return _save(request, destination, draft)
    dropped = change.show_change(draft, actor=request.user, keep_answers=RESUME in request.GET)
    return _page(request, destination, draft, encryption_form(draft), dropped=dropped)


def _unsupported(request: MemberRequest, destination: Destination) -> HttpResponse:
    """What the tab says of a kind that cannot encrypt; asking for it all the same is refused."""
    if request.method == "POST":
        require_encryption(request.workspace, destination.kind)
    return render(request, "destinations/encryption_unsupported.html", frame(destination))


def _save(request: MemberRequest, destination: Destination, draft: Draft) -> HttpResponse:
    form = encryption_form(draft, request.POST)
    if form.is_valid():
        answers = _answers(destination, form)
        if destination.encrypts and not answers.encrypts:
            return _page(request, destination, draft, form, asks_to_turn_off=True)
        try:
            changed = change.save_changes(draft, answers, revision=revision_of(request), actor=request.user)
        except ValidationError as refusal:
            _add_errors(form, refusal)
        else:
            messages.success(request, SAVED if changed else "Nothing was changed.")
            return _go(request, _url("destination_encryption", request, destination))
    return _page(request, destination, draft, form)


@sensitive_post_parameters()
def keys(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """Generate or Regenerate Encryption Keys: nothing is in force before the changes are saved.

    Anything but a first POST gets 410; whoever did not prove who they are in the last five minutes does so first.
    """
    if request.method != "POST":
        return only_once(request)
    destination = _find(request, destination_id)
    require_encryption(request.workspace, destination.kind)
    draft = change.open_change(destination, actor=request.user)
    if not is_fresh(request):
        drafts.save(draft, _answers(destination, encryption_form(draft, request.POST)), actor=request.user)
        # The answers are kept, and with them what they answer to: a colleague may change that in between.
        kept = f"?{RESUME}=1&revision={revision_of(request)}"
        return ask_again(request, come_back=_url("destination_encryption", request, destination) + kept)
    return _generate(request, destination, draft)


@sensitive_variables("drawn")
def _generate(request: MemberRequest, destination: Destination, draft: Draft) -> HttpResponse:
    form, drawn = encryption_form(draft, request.POST), None
    try:
        if can_generate(form):
            drawn = key_pairs.draw(request, draft, _answers(destination, form))
    except setup.KeyAlreadyShown:
        return only_once(request)
    except ValidationError as refusal:
        _add_errors(form, refusal)
    return unstored(_page(request, destination, draft, form, drawn=drawn))


@sensitive_post_parameters()
@require_POST
def prove(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """Whether the person holds the pending pair's private half."""
    destination = _find(request, destination_id)
    return key_pairs.check_proof(request, change.open_change(destination, actor=request.user))


@require_POST
def turn_off(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """Confirm of *Turn off data encryption?*"""
    destination = _find(request, destination_id)
    url = _url("destination_encryption", request, destination)
    if not request.access.may(Right.EDIT_DESTINATIONS, destination.source_id):
        raise PermissionDenied(Right.EDIT_DESTINATIONS.phrase)
    if not is_fresh(request):
        return ask_again(request, come_back=url)
    if change.turn_off(destination, actor=request.user):
        messages.success(request, TURNED_OFF)
    return redirect(url)


def _find(request: MemberRequest, destination_id: uuid.UUID) -> Destination:
    destination = find(request, destination_id)
    if not shows_encryption(destination):
        raise Http404("no data encryption here")
    return destination


def _may_change(request: MemberRequest, destination: Destination) -> bool:
    if why_no_encryption(request.workspace, destination.kind):
        return False
    return request.access.may(Right.EDIT_DESTINATIONS, destination.source_id)


def _answers(destination: Destination, form: EncryptionForm) -> Answers:
    encrypts = bool(form["encrypts"].data)
    return Answers(
        name=destination.name, enabled=destination.enabled, settings={}, encrypts=encrypts, **typed_encryption(form)
    )


def _add_errors(form: EncryptionForm, refusal: ValidationError) -> None:
    for name, errors in by_field(refusal).items():
        form.add_error(name if name in form.fields else None, errors)


@sensitive_variables("drawn", "context")
def _page(
    request: MemberRequest,
    destination: Destination,
    draft: Draft,
    form: EncryptionForm,
    *,
    drawn: Drawn | None = None,
    dropped: bool = False,
    asks_to_turn_off: bool = False,
) -> HttpResponse:
    part = "#encryption_form" if request.htmx else ""
    context = {
        **_context(destination),
        "form": form,
        "revision": request.POST.get("revision") or request.GET.get("revision") or destination.revision,
        "draft": draft,
        "dropped": dropped,
        "drawn": drawn,  # whole: its repr hides the private half, wherever a report may print it
        "pending": draft.pending_key,
        "asks_to_turn_off": asks_to_turn_off,
    }
    return render(request, f"destinations/encryption.html{part}", context)


def _context(destination: Destination) -> dict[str, object]:
    return {
        **frame(destination),
        **_fields(destination),
        "email_user_ids": coverage.email_user_ids(destination.source),
        "key": destination.public_key,
        "history": change.history(destination),
        "refusal": why_no_encryption(destination.workspace, destination.kind),
    }


def _fields(destination: Destination) -> dict[str, object]:
    """Chosen fields, each with the first paths it covers, and the red ones that leave in clear; all to be explained."""
    choices = coverage.choices(destination, coverage.paths_of(destination.source))
    red = coverage.red_fields(destination)
    shown = [choice.paths[:SHOWN_PATHS] for choice in choices]
    ids = ids_of(destination.workspace_id, chain(red, *shown))
    return {
        "choices": [
            (choice, [Named(path, ids.get(path)) for path in paths], len(choice.paths) - len(paths))
            for choice, paths in zip(choices, shown, strict=True)
        ],
        "red_fields": [Named(name, ids.get(name)) for name in red],
    }


def _url(name: str, request: MemberRequest, destination: Destination) -> str:
    return reverse(name, args=[request.workspace.slug, destination.pk])


def _go(request: MemberRequest, url: str) -> HttpResponse:
    return HttpResponse(headers={"HX-Redirect": url}) if request.htmx else redirect(url)
