"""Alerts: telling a Slack channel or a source of the workspace that a field turned up which nobody has classified.

Names of fields and what the rules make of them go out, never a value (documented trigger; payloads are ours).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import transaction

from audit.event_types import EventType
from audit.record import record
from privacy.models import AlertMessage, AlertSettings, ObservedField
from workspaces.access import Right, require_right
from workspaces.models import Source, User, Workspace
from workspaces.sealing import seal, unseal


@dataclass(frozen=True, slots=True)
class Channels:
    """What an owner sets. An empty `slack_url` leaves the one that is kept."""

    slack: bool = False
    slack_url: str = ""
    slack_channel: str = ""
    segment: bool = False
    segment_source: Source | None = None


def settings_of(workspace: Workspace) -> AlertSettings:
    """The workspace's settings; unsaved ones with both channels off where there are none."""
    return AlertSettings.objects.filter(pk=workspace.pk).first() or AlertSettings(workspace=workspace)


@transaction.atomic
def change_alerts(workspace: Workspace, channels: Channels, *, actor: User) -> AlertSettings:
    """Set both channels; raises ValidationError, by the form's field, where one that is on lacks what it needs."""
    require_right(actor, workspace, Right.CLASSIFY_FIELDS)
    AlertSettings.objects.get_or_create(workspace=workspace)
    kept = AlertSettings.objects.select_for_update().get(pk=workspace.pk)
    _check(workspace, channels, kept)
    before = _told(kept)
    kept.slack, kept.slack_channel = channels.slack, channels.slack_channel
    kept.segment, kept.segment_source = channels.segment, channels.segment_source
    if channels.slack_url:
        kept.sealed_slack_url = seal(channels.slack_url.encode(), bound_to=_bound_to(kept))
    kept.save()
    details: dict[str, object] = {"before": before, "after": _told(kept), "slack_url_changed": bool(channels.slack_url)}
    record(
        EventType.PRIVACY_ALERTS_MODIFIED,
        actor=actor,
        workspace_id=workspace.pk,
        subject=workspace,
        details=details,
    )
    return kept


def slack_url(kept: AlertSettings) -> str:
    """The webhook's address, a secret; empty where none was given. Raises SealError where it does not open."""
    sealed = bytes(kept.sealed_slack_url)
    return unseal(sealed, bound_to=_bound_to(kept)).decode() if sealed else ""


@transaction.atomic
def send_test(workspace: Workspace, channel: AlertMessage.Channel, *, actor: User) -> AlertMessage:
    """Have the worker send a test by the channel, tried once; raises ValidationError where it is off.

    It takes the place of the test before it.
    """
    require_right(actor, workspace, Right.CLASSIFY_FIELDS)
    kept = AlertSettings.objects.select_for_update().filter(pk=workspace.pk).first()
    if kept is None or not (kept.slack if channel == AlertMessage.Channel.SLACK else kept.segment):
        raise ValidationError("Switch the channel on and save before you test it.")
    AlertMessage.objects.filter(workspace=workspace, channel=channel, is_test=True).delete()
    test = AlertMessage.objects.create(workspace=workspace, channel=channel, is_test=True)
    details = {"channel": channel.value}
    event_type = EventType.PRIVACY_ALERT_TESTED
    record(event_type, actor=actor, workspace_id=workspace.pk, subject=workspace, details=details)
    return test


def announce(new: Iterable[ObservedField]) -> None:
    """Have each channel told of these fields, in the caller's transaction. Classified ones are no news."""
    by_workspace: dict[uuid.UUID, list[ObservedField]] = {}
    for field in new:
        if not field.in_inventory:
            by_workspace.setdefault(field.workspace_id, []).append(field)
    for kept in AlertSettings.objects.filter(pk__in=by_workspace):
        wanted = [AlertMessage.Channel.SLACK] * kept.slack + [AlertMessage.Channel.SEGMENT] * kept.segment
        news = [field for field in by_workspace[kept.pk] if not _of_alerts(field, kept)]
        messages = [_message(field, channel) for field in news for channel in wanted]
        AlertMessage.objects.bulk_create(messages, ignore_conflicts=True, batch_size=500)


def _message(field: ObservedField, channel: AlertMessage.Channel) -> AlertMessage:
    return AlertMessage(
        workspace_id=field.workspace_id,
        channel=channel,
        field_name=field.name,
        recommended=field.recommended,
        rule=field.rule,
    )


def _of_alerts(field: ObservedField, kept: AlertSettings) -> bool:
    """Whether the field came with the alerts themselves: they must not give rise to others."""
    return kept.segment_source_id is not None and field.sample_source_id == kept.segment_source_id


def _check(workspace: Workspace, channels: Channels, kept: AlertSettings) -> None:
    problems: dict[str, str] = {}
    address = urlsplit(channels.slack_url)
    if channels.slack_url and (address.scheme != "https" or not address.hostname):
        problems["slack_url"] = "Enter the webhook's address; it begins with https://."
    elif channels.slack and not (channels.slack_url or kept.sealed_slack_url):
        problems["slack_url"] = "Enter the address of a Slack incoming webhook."
    if channels.segment and channels.segment_source is None:
        problems["segment_source"] = "Choose the source that is to get the alerts."
    if channels.segment_source is not None and channels.segment_source.workspace_id != workspace.pk:
        problems["segment_source"] = "Choose a source of this workspace."
    if problems:
        raise ValidationError(problems)


def _told(kept: AlertSettings) -> dict[str, object]:
    source = str(kept.segment_source_id) if kept.segment_source_id else None
    return {
        "slack": kept.slack,
        "slack_channel": kept.slack_channel,
        "segment": kept.segment,
        "segment_source": source,
    }


def _bound_to(kept: AlertSettings) -> bytes:
    workspace_id: uuid.UUID = kept.pk
    return b"slack webhook" + workspace_id.bytes
