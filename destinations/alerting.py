"""Sending privacy alerts from the worker: to Slack by the one door out, to a source by its own event log.

Nothing here waits: each turn sends what is due and hears what was answered. A worker that is killed leaves its claims
to run out; Slack may then be told twice, a source not, since the alert's id is the event's `messageId`.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

import orjson
from django.conf import settings
from django.db.models import F
from django.utils import timezone

from destinations.catalog.base import Request, Response
from destinations.delivery import backoff
from destinations.delivery.address_guard import parse_networks
from destinations.delivery.http import Courier
from privacy import alerts
from privacy.explained import ids_of
from privacy.models import AlertMessage, AlertSettings
from workspaces.event_log import open_writer
from workspaces.event_log.base import EventLogUnavailable, EventLogWriter
from workspaces.sealing import SealError
from workspaces.tracking.accept import IngestRequest, new_entry
from workspaces.tracking.plans import SourcePlan
from workspaces.tracking.sift import sift

logger = logging.getLogger(__name__)

EVERY_SECONDS = 2.0
AT_ONCE = 50  # fields told in one Slack message
CLAIM = timedelta(seconds=60)
EVENT_NAME = "New Privacy Field Detected"
TEST_NAME = "Privacy Alert Test"
SUCCESS = range(200, 300)
WORTH_ANOTHER_TRY = (408, 429)
SERVER_ERRORS = range(500, 600)

Messages = list[AlertMessage]
Ids = Mapping[str, uuid.UUID]  # of fields, by name


class Alerting:
    """The alerts of one worker."""

    def __init__(self, make_writer: Callable[[], EventLogWriter] = open_writer) -> None:
        self._courier: Courier[Messages] = Courier(parse_networks(settings.DELIVERY_ALLOWED_NETWORKS))
        self._make_writer = make_writer
        self._writer: EventLogWriter | None = None
        self._due = 0.0

    def run(self) -> None:
        """Send what is due if it is time to look; hear what was answered."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + EVERY_SECONDS
            self._send_due()
        if self._courier.in_flight or self._courier.queued:
            for messages, response in self._courier.poll(0):
                _settle(messages, response)

    def close(self) -> None:
        """Drop connections and the place in the log."""
        self._courier.close()
        if self._writer is not None:
            self._writer.close()

    def _send_due(self) -> None:
        groups: defaultdict[tuple[uuid.UUID, str, bool], Messages] = defaultdict(list)
        for message in _claim_due():
            groups[message.workspace_id, message.channel, message.is_test].append(message)
        for (workspace_id, channel, _), messages in groups.items():
            kept = AlertSettings.objects.select_related("workspace", "segment_source").filter(pk=workspace_id).first()
            if kept is None or not (kept.slack if channel == AlertMessage.Channel.SLACK else kept.segment):
                _end(messages, AlertMessage.Status.FAILED, "SWITCHED_OFF")
            elif channel == AlertMessage.Channel.SLACK:
                self._to_slack(kept, messages)
            else:
                self._to_source(kept, messages)

    def _to_slack(self, kept: AlertSettings, messages: Messages) -> None:
        try:
            url = alerts.slack_url(kept)
        except SealError:
            logger.exception("the Slack address of workspace %s does not open", kept.pk)
            url = ""
        if not url:
            _end(messages, AlertMessage.Status.FAILED, "NO_ADDRESS")
            return
        explained = ids_of(kept.pk, [message.field_name for message in messages])
        self._courier.submit(kept.pk, messages, _slack_request(url, kept, messages, explained))

    def _to_source(self, kept: AlertSettings, messages: Messages) -> None:
        source = kept.segment_source
        if source is None:
            _end(messages, AlertMessage.Status.FAILED, "NO_SOURCE")
            return
        plan = SourcePlan(source.pk, source.workspace_id, source.enabled)
        explained = ids_of(kept.pk, [message.field_name for message in messages])
        try:
            if self._writer is None:
                self._writer = self._make_writer()
            for message in messages:
                request = IngestRequest(
                    "track", browser=False, body=_event(message, kept, explained), header_key="", ip=""
                )
                self._writer.append(new_entry(request, sift("track", request.body), plan))
        except EventLogUnavailable:
            _again(messages, "EVENT_LOG_UNAVAILABLE", None)
            return
        _end(messages, AlertMessage.Status.SENT, "")


def _claim_due() -> Messages:
    """What is due, taken by this worker for a minute."""
    now = timezone.now()
    due = AlertMessage.objects.filter(status=AlertMessage.Status.WAITING, next_try_at__lte=now)
    claimed = []
    for message in due.order_by("next_try_at")[:AT_ONCE]:
        mine = due.filter(pk=message.pk).update(next_try_at=now + CLAIM, attempts=F("attempts") + 1)
        if mine:
            message.attempts += 1
            claimed.append(message)
    return claimed


def _slack_request(url: str, kept: AlertSettings, messages: Messages, explained: Ids) -> Request:
    lines = _test_lines(kept) if messages[0].is_test else _lines(kept, messages, explained)
    told: dict[str, object] = {"text": "\n".join(lines), "unfurl_links": False}
    if kept.slack_channel:
        told["channel"] = kept.slack_channel
    return Request(url, [("Content-Type", "application/json")], orjson.dumps(told))


def _lines(kept: AlertSettings, messages: Messages, explained: Ids) -> list[str]:
    count = f"{len(messages)} new fields" if len(messages) > 1 else "A new field"
    lines = [f"{count} in the privacy inbox of {_plain(kept.workspace.name)}:"]
    for message in messages:
        explain = _explain_url(message, kept, explained)
        link = f" <{explain}|Explain>" if explain else ""
        lines.append(f"• `{_plain(message.field_name)}`{_why(message)}{link}")
    return [*lines, f"<{_portal(kept)}/inbox|Classify>"]


def _test_lines(kept: AlertSettings) -> list[str]:
    return [f"A test of the privacy alerts of {_plain(kept.workspace.name)}. No new field was found."]


def _portal(kept: AlertSettings) -> str:
    return f"{settings.SITE_URL}/{kept.workspace.slug}/privacy"


def _explain_url(message: AlertMessage, kept: AlertSettings, explained: Ids) -> str:
    """Where it says why the field has its colour, to those who may open the portal; empty where the field is gone."""
    field_id = explained.get(message.field_name)
    return f"{_portal(kept)}/explain/{field_id}" if field_id else ""


def _plain(text: str) -> str:
    """The text without what Slack reads as markup (documented: `&`, `<`, `>`; a backtick would end the code)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("`", "'")


def _why(message: AlertMessage) -> str:
    rule = f", matched {_plain(message.rule)}" if message.rule else ""
    return f": recommended {message.recommended.title()}{rule}"


def _event(message: AlertMessage, kept: AlertSettings, explained: Ids) -> bytes:
    properties: dict[str, object] = {
        "field": message.field_name,
        "recommended_classification": message.recommended,
        "matcher": message.rule or None,
        "explain_url": _explain_url(message, kept, explained) or None,
    }
    event = {
        "type": "track",
        "event": TEST_NAME if message.is_test else EVENT_NAME,
        "anonymousId": f"workspace-{message.workspace_id}",
        "messageId": f"privacy-alert-{message.pk}",
        "timestamp": message.created_at.astimezone(UTC).isoformat(),
        "properties": {"test": True} if message.is_test else properties,
    }
    return orjson.dumps(event)


def _settle(messages: Messages, response: Response) -> None:
    if response.status in SUCCESS:
        _end(messages, AlertMessage.Status.SENT, "")
    elif response.status is None or response.status in WORTH_ANOTHER_TRY or response.status in SERVER_ERRORS:
        _again(messages, str(response.status or response.error), response.retry_after)
    else:
        _end(messages, AlertMessage.Status.FAILED, str(response.status))


def _again(messages: Messages, error: str, retry_after: float | None) -> None:
    """Try later, as deliveries are: nine times within four hours of the field's first showing. A test is tried once."""
    for message in messages:
        at = backoff.next_try(
            attempts=message.attempts,
            first_tried=message.created_at.timestamp(),
            now=time.time(),
            retry_after=retry_after,
        )
        if at is None or message.is_test:
            _end([message], AlertMessage.Status.FAILED, error)
        else:
            _update([message], next_try_at=datetime.fromtimestamp(at, UTC), error=error, tried_at=timezone.now())


def _end(messages: Iterable[AlertMessage], status: AlertMessage.Status, error: str) -> None:
    _update(messages, status=status, error=error, next_try_at=None, tried_at=timezone.now())


def _update(messages: Iterable[AlertMessage], **facts: object) -> None:
    AlertMessage.objects.filter(pk__in=[message.pk for message in messages]).update(**facts)
