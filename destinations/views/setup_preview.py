"""What would leave, before a destination is created: the source's last events, or a pasted one, under the answers."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from audit.event_types import EventType
from audit.middleware import audited
from destinations import wizard
from destinations.forms import SetupForms
from destinations.kinds import entry_of, offers_encryption
from destinations.models import Draft
from destinations.testing.proposal import plan_of_draft
from destinations.views.preview import Explained, SampleForm, previews_of
from destinations.views.setup import frame, of_draft
from workspaces.access import Right
from workspaces.requests import MemberRequest

EVENT_TYPES = "settings-event_types"
ASKED = ("encrypts", "fields", "key_bits", EVENT_TYPES)  # what the preview depends on


@sensitive_post_parameters()
@require_POST
@audited(EventType.EVENT_PREVIEW_VIEWED)
@of_draft(wizard.SETUP)
def setup_preview(request: MemberRequest, draft: Draft) -> HttpResponse:
    """What would become of events under what stands on the Setup page, which is not saved by this."""
    if not entry_of(draft.kind).supports_encryption:
        raise Http404("no event stream in cloud mode")
    form, answers = SampleForm(request.POST), SetupForms(draft, request.POST).answers()
    fields = list(answers.fields) if answers.encrypts else []
    types = request.POST.getlist(EVENT_TYPES)
    previews: list[Explained] = []
    problem = "Please correct what is marked below."
    if form.is_valid():
        plan = plan_of_draft(draft, fields, {"event_types": types}, bits=answers.key_bits)
        problem, previews = previews_of(request, draft, form, plan)
    context = {
        "form": form,
        "problem": problem,
        "previews": previews,
        "offered": offers_encryption(request.workspace, draft.kind),
        "masked": Right.SEE_PII not in request.rights,
        "asked": [(name, value) for name in ASKED for value in request.POST.getlist(name)],
        **frame(draft, wizard.SETUP),
    }
    return render(request, "destinations/setup_preview.html", context)
