"""Privacy > Settings > Data Retention: the workspace's period and what the scheduled job removed."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from audit.event_types import EventType
from audit.middleware import audited
from privacy import retention as verbs
from privacy.regulation_forms import RetentionForm
from privacy.views.rights import require_classifying
from workspaces import spans
from workspaces.requests import MemberRequest


@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.DATA_RETENTION_VIEWED)
def retention(request: MemberRequest) -> HttpResponse:
    """The period, and the job's record; a POST changes the period."""
    workspace = request.workspace
    require_classifying(request)
    request.audit_subject = workspace
    days = verbs.days_kept(workspace.pk)
    form = RetentionForm(request.POST if request.method == "POST" else None, initial={"days": days})
    if request.method == "POST" and form.is_valid():
        verbs.change_retention(workspace, days=form.cleaned_data["days"], actor=request.user)
        messages.success(request, "Your changes are saved. What is older goes with the next run, within minutes.")
        return redirect("privacy_retention", workspace.slug)
    runs = list(verbs.runs_of(workspace))
    context = {
        "form": form,
        "days": days,
        "runs": runs,
        "is_overdue": verbs.is_overdue(runs),
        "counts_kept": spans.KEPT,
        "hours_kept": verbs.HOURS_KEPT,
    }
    return render(request, "privacy/retention.html", context)
