"""What would leave: the source's last events, or a pasted one, before and after a configuration that is not saved."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from audit.event_types import EventType
from audit.middleware import audited
from destinations.encryption.setup import kept_fields
from destinations.filters import builder
from destinations.forms import field_choices
from destinations.kinds import offers_encryption
from destinations.models import Destination, Draft
from destinations.pasted import NoEvent, read_event
from destinations.pipeline.plan import DestinationPlan
from destinations.testing.preview import Preview, Row, preview
from destinations.testing.proposal import Proposal, proposed_plan
from destinations.views.destination import find, frame
from destinations.views.filter_form import FilterForms
from destinations.views.filters import require_cloud_mode
from destinations.views.samples import samples
from privacy.encryptable import encryptable_fields
from privacy.explained import Named, ids_of
from workspaces.access import Right
from workspaces.requests import MemberRequest
from workspaces.tracking.controls import controls_of

MOST_EVENTS = 5

# A preview and its rows, each with what its field is explained by; on the page that goes by the value's path.
Explained = tuple[Preview, list[tuple[Row, Named]]]


class SampleForm(forms.Form):
    """An event of one's own."""

    sample = forms.CharField(
        label="Your own event",
        required=False,
        strip=True,
        help_text="Leave empty to take the source's last events. It is tried on the server and not stored.",
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "class": "mono"}),
    )


class ProposalForm(SampleForm):
    """What is tried out on the page itself."""

    fields_hint = "As saved, unless you choose others here. Nothing is saved by this page."

    def __init__(self, destination: Destination, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if offers_encryption(destination.workspace, destination.kind):
            self.fields["fields"] = forms.MultipleChoiceField(
                label="Fields to encrypt",
                required=False,
                choices=field_choices(encryptable_fields(destination.workspace), kept_fields(destination)),
                help_text=self.fields_hint,
                error_messages={"invalid_choice": "A chosen field can no longer be encrypted. Choose again."},
                widget=forms.SelectMultiple(
                    attrs={"data-chips": "Choose fields...", "aria-label": "Fields to encrypt", "size": 8}
                ),
            )


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.EVENT_PREVIEW_VIEWED)
def preview_page(request: MemberRequest, destination_id: uuid.UUID) -> HttpResponse:
    """Asked with GET what is in force; with POST what a form says, that of this page, of Filters or Data Encryption."""
    destination = find(request, destination_id)
    require_cloud_mode(destination)
    in_force = {"fields": sorted(kept_fields(destination)) if destination.encrypts else []}
    form = ProposalForm(destination, request.POST if request.method == "POST" else None, initial=in_force)
    problem, proposal = _proposal(request, form)
    previews: list[Explained] = []
    if not problem:
        problem, previews = _previews(request, destination, form, proposal)
    context = {
        **frame(destination),
        "form": form,
        "problem": problem,
        "previews": previews,
        "masked": Right.SEE_PII not in request.rights,
        "of_filter": proposal.rule is not None,
    }
    return render(request, "destinations/preview.html", context)


def _proposal(request: MemberRequest, form: ProposalForm) -> tuple[str, Proposal]:
    """What is wrong with the form that was sent, or what it proposes."""
    if not form.is_bound:
        return "", Proposal()
    if not form.is_valid():
        return "Please correct what is marked below.", Proposal()
    if "action" not in request.POST:
        wanted = request.POST.get("preview") != "encryption" or "encrypts" in request.POST
        return "", Proposal(fields=form.cleaned_data.get("fields", []) if wanted else [])
    rules = FilterForms(request.POST)
    if not rules.rules_are_valid():
        return "The filter is not complete. Go back, press Next Step, and correct what is marked there.", Proposal()
    return "", Proposal(rule=builder.rule_of(rules.answers()), instead_of=_id(request.POST.get("filter", "")))


def _previews(
    request: MemberRequest, destination: Destination, form: ProposalForm, proposal: Proposal
) -> tuple[str, list[Explained]]:
    plan = proposed_plan(destination, proposal)
    if plan is None:
        return "The destination's settings cannot be opened.", []
    return previews_of(request, destination, form, plan)


def previews_of(
    request: MemberRequest, about: Destination | Draft, form: SampleForm, plan: DestinationPlan
) -> tuple[str, list[Explained]]:
    """What is wrong with the event in the form, or what becomes of it, or else of the source's last ones."""
    text = form.cleaned_data.get("sample", "") if form.is_bound else ""
    try:
        events = [read_event(text)] if text else samples(request, about, limit=MOST_EVENTS)
    except NoEvent as refusal:
        form.add_error("sample", str(refusal))
        return "Please correct what is marked below.", []
    blocker = controls_of(about.workspace_id, about.source_id).blocker if about.source_id else None
    return "", _explained(about.workspace_id, [preview(event, plan, blocker) for event in events])


def _explained(workspace_id: uuid.UUID, previews: list[Preview]) -> list[Explained]:
    ids = ids_of(workspace_id, {row.field for each in previews for row in each.rows})
    return [(each, [(row, Named(row.path, ids.get(row.field))) for row in each.rows]) for each in previews]


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
