"""Retention of the HIPAA audit log: how long it is kept, legal hold, and what went under which tombstone."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from audit.event_types import EventType
from audit.forms import AuditPeriodForm, LegalHoldForm
from audit.middleware import audited
from audit.retention import LEAST_YEARS
from audit.standing import standing
from workspaces import audit_retention as verbs
from workspaces import kept_answers
from workspaces.access import Right, require_right
from workspaces.fresh import ask_again, is_fresh
from workspaces.requests import MemberRequest

FORMS: dict[str, type[AuditPeriodForm | LegalHoldForm]] = {
    "period": AuditPeriodForm,
    "place": LegalHoldForm,
    "release": LegalHoldForm,
}


@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.HIPAA_AUDIT_RETENTION_VIEWED)
def audit_retention(request: MemberRequest) -> HttpResponse:
    """The rules and their record for owners and auditors; a POST by an owner changes them.

    A change asks who is making it; what was typed waits in the meantime.
    """
    workspace = request.workspace
    require_right(request.user, workspace, Right.VIEW_AUDIT_LOG)
    request.audit_subject = workspace
    action, form = "", None
    if request.method == "POST":
        require_right(request.user, workspace, Right.KEEP_AUDIT_LOG)
        action, form = _asked(request.POST)
        if form.is_valid():
            if not is_fresh(request):
                kept_answers.keep(request)
                return ask_again(request, come_back=request.path)
            _change(request, action, form.cleaned_data)
            return redirect("audit_retention", workspace.slug)
    elif (kept := kept_answers.take(request)) is not None:
        action, form = _asked(kept)
    return _show(request, action, form)


def _asked(answers: QueryDict) -> tuple[str, AuditPeriodForm | LegalHoldForm]:
    action = answers.get("action", "period")
    action = action if action in FORMS else "period"
    return action, FORMS[action](answers)


def _change(request: MemberRequest, action: str, answers: dict[str, Any]) -> None:
    workspace, actor = request.workspace, request.user
    if action == "place" and verbs.place_hold(workspace, reason=answers["reason"], actor=actor):
        messages.success(request, "The audit log is on legal hold. No row goes until you release it.")
    elif action == "release" and verbs.release_hold(workspace, reason=answers["reason"], actor=actor):
        messages.success(request, "The legal hold is released. What is past its time goes with the next daily run.")
    elif action == "period" and verbs.change_period(workspace, years=answers["years"], actor=actor):
        messages.success(request, f"Rows of the audit log are kept for {answers['years']} years.")
    else:
        messages.info(request, "Nothing was changed: it was so already.")


def _show(request: MemberRequest, action: str, form: AuditPeriodForm | LegalHoldForm | None) -> HttpResponse:
    found = standing(str(request.workspace.pk))
    waits = form is not None and form.is_valid()
    shown = {
        "standing": found,
        "least": LEAST_YEARS,
        "may_change": request.access.may(Right.KEEP_AUDIT_LOG),
        "period_form": form if action == "period" else AuditPeriodForm(initial={"years": found.rules.years}),
        "hold_form": form if action in {"place", "release"} else LegalHoldForm(),
        "waits": waits,
    }
    return render(request, "audit/retention.html", shown)
