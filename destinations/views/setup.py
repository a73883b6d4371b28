"""The add-destination wizard: one page per step. The private key passes through `keys` alone, once."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from audit.event_types import EventType
from audit.middleware import audited
from destinations import connections, drafts, wizard
from destinations.drafts import DraftExpired
from destinations.encryption import setup as encryption
from destinations.forms import SetupForms, SourceForm
from destinations.kinds import entry_of, require_encryption
from destinations.models import Draft
from destinations.views import key_pairs
from destinations.views.key_pairs import Drawn, only_once, unstored
from workspaces.fresh import ask_again, is_fresh
from workspaces.requests import MemberRequest, passive

DISABLED = ", disabled. It gets events once you turn on Enable Destination and save"

StepView = Callable[[MemberRequest, Draft], HttpResponse]
DraftView = Callable[[MemberRequest, uuid.UUID], HttpResponse]


def start(request: MemberRequest, kind: str) -> HttpResponse:
    """Begin; only a POST does, anything else is shown what the kind is about."""
    if request.method != "POST":
        return redirect("destination_kind", request.workspace.slug, kind)
    draft = drafts.start(kind, actor=request.user, workspace=request.workspace)
    return redirect("setup_source", request.workspace.slug, draft.pk)


def of_draft(step: wizard.Step) -> Callable[[StepView], DraftView]:
    """Give a step's view the person's own draft: sends back to an unanswered step, and answers 410 when expired."""

    def wrap(view: StepView) -> DraftView:
        @wraps(view)
        def answer(request: MemberRequest, draft_id: uuid.UUID) -> HttpResponse:
            try:
                draft = drafts.open_draft(draft_id, actor=request.user, workspace=request.workspace)
            except DraftExpired as expired:
                return _expired(request, expired)
            if not wizard.may_open(step, draft):
                return redirect(wizard.current_step(draft).route, request.workspace.slug, draft.pk)
            request.audit_subject = draft
            if draft.source_id is not None:
                request.source_id = draft.source_id
            return view(request, draft)

        return answer

    return wrap


def _expired(request: MemberRequest, expired: DraftExpired) -> HttpResponse:
    if request.htmx:
        return HttpResponse(headers={"HX-Refresh": "true"})  # the page asked for anew says what happened
    context = {"entry": entry_of(expired.kind)}
    return render(request, "destinations/expired.html", context, status=HTTPStatus.GONE)


@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.DESTINATION_SETUP_VIEWED)
@of_draft(wizard.SELECT_SOURCE)
def source(request: MemberRequest, draft: Draft) -> HttpResponse:
    """Select data source."""
    posted = request.POST if request.method == "POST" else None
    sources = drafts.sources_for(request.workspace, actor=request.user)
    form = SourceForm(sources, posted, initial={"source": draft.source_id})
    if form.is_valid():
        try:
            drafts.choose_source(draft, form.cleaned_data["source"].pk, actor=request.user)
            return redirect("setup_settings", request.workspace.slug, draft.pk)
        except ValidationError as refusal:
            form.add_error(None, refusal)
    chosen = form["source"].value()
    context = {
        "form": form,
        "sources": sources,
        "chosen": str(chosen or ""),
        **frame(draft, wizard.SELECT_SOURCE),
    }
    return render(request, "destinations/setup_source.html", context)


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.DESTINATION_SETUP_VIEWED)
@of_draft(wizard.SETUP)
def settings(request: MemberRequest, draft: Draft) -> HttpResponse:
    """Setup: name, settings, Data Encryption; a POST creates the destination."""
    if request.method == "POST":
        return _create(request, draft)
    dropped = encryption.show_setup(draft, actor=request.user)
    return _setup_page(request, draft, SetupForms(draft), dropped=dropped)


@sensitive_post_parameters()
@require_POST
@passive
@of_draft(wizard.SETUP)
def answers(request: MemberRequest, draft: Draft) -> HttpResponse:
    """Keep what stands on the Setup page: it sends that by itself before the session ends, and when it is left."""
    drafts.save(draft, SetupForms(draft, request.POST).answers(), actor=request.user)
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


def _create(request: MemberRequest, draft: Draft) -> HttpResponse:
    forms = SetupForms(draft, request.POST)
    if forms.can_create():
        try:
            destination = connections.create_destination(draft, forms.answers(), actor=request.user)
        except ValidationError as refusal:
            forms.add_errors(refusal)
        else:
            where = "destination" if destination.enabled else "destination_settings"  # documented: there it is enabled
            messages.success(request, f"{destination.name} is created{'' if destination.enabled else DISABLED}.")
            return _go(request, reverse(where, args=[request.workspace.slug, destination.pk]))
    drafts.save(draft, forms.answers(), actor=request.user)
    return _setup_page(request, draft, forms)


def _go(request: MemberRequest, url: str) -> HttpResponse:
    return HttpResponse(headers={"HX-Redirect": url}) if request.htmx else redirect(url)


@sensitive_post_parameters()
def keys(request: MemberRequest, draft_id: uuid.UUID) -> HttpResponse:
    """Generate Encryption Keys: the only response a private key is ever in. Anything but a first POST gets 410.

    Whoever did not prove who they are in the last five minutes does so first and finds the page as they left it.
    """
    if request.method != "POST":
        return only_once(request)
    try:
        draft = drafts.open_draft(draft_id, actor=request.user, workspace=request.workspace)
    except DraftExpired as expired:
        return _expired(request, expired)
    if not wizard.may_open(wizard.SETUP, draft):
        return redirect(wizard.current_step(draft).route, request.workspace.slug, draft.pk)
    require_encryption(request.workspace, draft.kind)
    if not is_fresh(request):
        drafts.save(draft, SetupForms(draft, request.POST).answers(), actor=request.user)
        return ask_again(request, come_back=reverse("setup_settings", args=[request.workspace.slug, draft.pk]))
    return _generate(request, draft)


@sensitive_variables("drawn")
def _generate(request: MemberRequest, draft: Draft) -> HttpResponse:
    forms, drawn = SetupForms(draft, request.POST), None
    try:
        if forms.can_generate():
            drawn = key_pairs.draw(request, draft, forms.answers())
    except encryption.KeyAlreadyShown:
        return only_once(request)
    except ValidationError as refusal:
        forms.add_errors(refusal)
    if drawn is None:
        drafts.save(draft, forms.answers(), actor=request.user)
    forms.show_only_encryption_errors()
    return unstored(_setup_page(request, draft, forms, drawn=drawn))


@sensitive_post_parameters()
@require_POST
@of_draft(wizard.SETUP)
def prove(request: MemberRequest, draft: Draft) -> HttpResponse:
    """Whether the person holds the pending pair's private half."""
    return key_pairs.check_proof(request, draft)


@sensitive_variables("drawn", "context")
def _setup_page(
    request: MemberRequest, draft: Draft, forms: SetupForms, *, drawn: Drawn | None = None, dropped: bool = False
) -> HttpResponse:
    part = "#setup_form" if request.htmx else ""
    context = {
        "forms": forms,
        "draft": draft,
        "dropped": dropped,
        "drawn": drawn,  # whole: its repr hides the private half, wherever a report may print it
        "pending": draft.pending_key,
        **frame(draft, wizard.SETUP),
    }
    return render(request, f"destinations/setup_settings.html{part}", context)


def frame(draft: Draft, step: wizard.Step) -> dict[str, object]:
    """What `setup_base.html` takes."""
    return {"draft": draft, "entry": entry_of(draft.kind), "step": step, "steps": wizard.STEPS}
