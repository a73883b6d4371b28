"""Privacy > Settings: where the tab leads, and Alerts."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import OuterRef, Subquery
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit.event_types import EventType
from audit.middleware import audited
from privacy import alerts as verbs
from privacy.alert_health import health_of, trouble
from privacy.alerts import Channels
from privacy.explained import Named
from privacy.forms import SegmentForm, SlackForm
from privacy.models import AlertMessage, AlertSettings, ObservedField
from privacy.views.rights import require_classifying
from workspaces.access import Right
from workspaces.requests import MemberRequest, passive

SHOWN_ALERTS = 20


@require_safe
def start(request: MemberRequest) -> HttpResponse:
    """The first page of the settings that the person may open."""
    if Right.CLASSIFY_FIELDS not in request.rights and Right.MANAGE_END_USERS in request.rights:
        return redirect("privacy_deletions", request.workspace.slug)
    require_classifying(request)
    return redirect("privacy_alerts", request.workspace.slug)


@sensitive_post_parameters("slack_url")
@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.PRIVACY_ALERTS_VIEWED)
def alerts(request: MemberRequest) -> HttpResponse:
    """Who is told of new fields: a Slack channel, a source; each with a form of its own."""
    workspace = request.workspace
    require_classifying(request)
    request.audit_subject = workspace
    kept = verbs.settings_of(workspace)
    part = request.POST.get("part")
    slack = SlackForm(
        request.POST if part == "slack" else None,
        has_url=bool(kept.sealed_slack_url),
        initial={"slack": kept.slack, "slack_channel": kept.slack_channel},
    )
    segment = SegmentForm(
        workspace.sources.order_by("name"),
        request.POST if part == "segment" else None,
        initial={"segment": kept.segment, "segment_source": kept.segment_source_id},
    )
    answered: SlackForm | SegmentForm = slack if part == "slack" else segment
    if request.method == "POST" and answered.is_valid():
        try:
            verbs.change_alerts(workspace, _channels(kept, answered), actor=request.user)
            messages.success(request, "Your changes are saved.")
            return redirect("privacy_alerts", workspace.slug)
        except ValidationError as error:
            answered.add_error(None, error)
    seen = ObservedField.objects.filter(workspace=workspace, name=OuterRef("field_name")).values("pk")
    sent = AlertMessage.objects.filter(workspace=workspace, is_test=False).annotate(field_id=Subquery(seen[:1]))
    latest = list(sent.order_by("-created_at")[:SHOWN_ALERTS])
    fields = [Named(alert.field_name, alert.field_id) for alert in latest]
    told = [trouble(alert.error) for alert in latest]
    context = {
        "slack": slack,
        "segment": segment,
        "latest": list(zip(latest, fields, told, strict=True)),
        "health": health_of(workspace, kept),
    }
    return render(request, "privacy/alerts.html", context)


@passive
@require_safe
def alerts_state(request: MemberRequest) -> HttpResponse:
    """How both channels get through; asked by the page itself while a test is on its way. Names no field."""
    require_classifying(request)
    health = health_of(request.workspace, verbs.settings_of(request.workspace))
    return render(request, "privacy/alerts_state.html", {"health": health})


@require_POST
def test_alert(request: MemberRequest) -> HttpResponse:
    """Have a test sent by one of the channels."""
    require_classifying(request)
    try:
        verbs.send_test(request.workspace, AlertMessage.Channel(request.POST.get("channel", "")), actor=request.user)
        messages.success(request, "The test is on its way. What becomes of it shows below within seconds.")
    except ValidationError as refused:
        messages.error(request, refused.messages[0])
    except ValueError:
        messages.error(request, "Choose the channel that is to be tested.")
    return redirect("privacy_alerts", request.workspace.slug)


def _channels(kept: AlertSettings, answered: SlackForm | SegmentForm) -> Channels:
    """Both channels: the answered one as typed, the other as it is kept."""
    stands = {
        "slack": kept.slack,
        "slack_channel": kept.slack_channel,
        "segment": kept.segment,
        "segment_source": kept.segment_source,
    }
    return Channels(**{**stands, **answered.cleaned_data})
