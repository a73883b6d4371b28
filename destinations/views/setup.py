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
from django.views.decorators.http import require_http_methods

from audit.event_types import EventType
from audit.middleware import audited
from destinations import connections, drafts, wizard
from destinations.drafts import DraftExpired
from destinations.encryption import setup as encryption
from destinations.encryption.keys import KeyPair
from destinations.forms import SetupForms, SourceForm
from destinations.kinds import entry_of, require_encryption
from destinations.models import Draft
from workspaces.requests import MemberRequest

StepView = Callable[[MemberRequest, Draft], HttpResponse]
DraftView = Callable[[MemberRequest, uuid.UUID], HttpResponse]


def start(request: MemberRequest, kind: str) -> HttpResponse:
    """Begin; only a POST does, anything else is shown what the kind is about."""
    if request.method != "POST":
        return redirect("destination_kind", request.workspace.slug, kind)
    draft = drafts.start(kind, actor=request.user, workspace=request.workspace)
    return redirect("setup_source", request.workspace.slug, draft.pk)


def _of_draft(step: wizard.Step) -> Callable[[StepView], DraftView]:
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
@_of_draft(wizard.SELECT_SOURCE)
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
        **_frame(draft, wizard.SELECT_SOURCE),
    }
    return render(request, "destinations/setup_source.html", context)


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.DESTINATION_SETUP_VIEWED)
@_of_draft(wizard.SETUP)
def settings(request: MemberRequest, draft: Draft) -> HttpResponse:
    """Setup: name, settings, Data Encryption; a POST creates the destination."""
    if request.method == "POST":
        return _create(request, draft)
    dropped = encryption.show_setup(draft, actor=request.user)
    return _setup_page(request, draft, SetupForms(draft), dropped=dropped)


def _create(request: MemberRequest, draft: Draft) -> HttpResponse:
    forms = SetupForms(draft, request.POST)
    if forms.can_create():
        try:
            destination = connections.create_destination(draft, forms.answers(), actor=request.user)
        except ValidationError as refusal:
            forms.add_errors(refusal)
        else:
            messages.success(request, f"{destination.name} is created.")
            return _go(request, reverse("destination", args=[request.workspace.slug, destination.pk]))
    drafts.save(draft, forms.answers(), actor=request.user)
    return _setup_page(request, draft, forms)


def _go(request: MemberRequest, url: str) -> HttpResponse:
    return HttpResponse(headers={"HX-Redirect": url}) if request.htmx else redirect(url)


@sensitive_post_parameters()
@sensitive_variables("pair")
def keys(request: MemberRequest, draft_id: uuid.UUID) -> HttpResponse:
    """Generate Encryption Keys: the only response a private key is ever in. Anything but a first POST gets 410."""
    if request.method != "POST":
        return _only_once(request)
    try:
        draft = drafts.open_draft(draft_id, actor=request.user, workspace=request.workspace)
    except DraftExpired as expired:
        return _expired(request, expired)
    if not wizard.may_open(wizard.SETUP, draft):
        return redirect(wizard.current_step(draft).route, request.workspace.slug, draft.pk)
    require_encryption(request.workspace, draft.kind)
    return _generate(request, draft)


@sensitive_variables("pair")
def _generate(request: MemberRequest, draft: Draft) -> HttpResponse:
    forms, pair = SetupForms(draft, request.POST), None
    try:
        if forms.can_generate():
            token = request.POST.get("key_request", "")
            pair = encryption.generate_keys(draft, forms.answers(), token=token, actor=request.user)
    except encryption.KeyAlreadyShown:
        return _only_once(request)
    except ValidationError as refusal:
        forms.add_errors(refusal)
    if pair is None:
        drafts.save(draft, forms.answers(), actor=request.user)
    forms.show_only_encryption_errors()
    response = _setup_page(request, draft, forms, pair=pair)
    response["Cache-Control"], response["Pragma"] = "no-store", "no-cache"
    return response


def _only_once(request: MemberRequest) -> HttpResponse:
    part = "#key_notice" if request.htmx else ""
    response = render(request, f"destinations/key_gone.html{part}", status=HTTPStatus.GONE)
    response["Cache-Control"], response["Pragma"] = "no-store", "no-cache"
    if request.htmx:
        # The notice goes above the form: where a key stands on the page, it must not be swept away.
        response["HX-Retarget"], response["HX-Reswap"] = "#key-notice", "innerHTML"
    return response


@sensitive_variables("pair", "context")
def _setup_page(
    request: MemberRequest, draft: Draft, forms: SetupForms, *, pair: KeyPair | None = None, dropped: bool = False
) -> HttpResponse:
    part = "#setup_form" if request.htmx else ""
    context = {
        "forms": forms,
        "draft": draft,
        "dropped": dropped,
        "pair": pair,  # whole: its repr hides the private half, wherever a report may print it
        "pending": draft.pending_key,
        **_frame(draft, wizard.SETUP),
    }
    return render(request, f"destinations/setup_settings.html{part}", context)


def _frame(draft: Draft, step: wizard.Step) -> dict[str, object]:
    return {"draft": draft, "entry": entry_of(draft.kind), "step": step, "steps": wizard.STEPS}
