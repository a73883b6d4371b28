"""Alerts of new fields, from the event that brought one to Slack and to a source of the workspace."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import AuditRow
from destinations import alerting
from privacy import alerts
from privacy.alert_health import health_of
from privacy.alerts import Channels, change_alerts
from privacy.models import AlertMessage, AlertSettings, FieldEvent, ObservedField
from tests.destinations.factories import append_events, track
from tests.destinations.pipeline.driving import Driven
from tests.destinations.receivers import Answer, Receiver
from tests.factories import SourceFactory
from workspaces import debugger
from workspaces.models import Source, User, Workspace
from workspaces.sealing import seal

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://hooks.slack.com/services/T0/B0/secret"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Due alerts are looked for in every turn."""
    monkeypatch.setattr(alerting, "EVERY_SECONDS", 0.0)


@pytest.fixture
def to_slack(workspace: Workspace, receiver: Receiver) -> AlertSettings:
    """Slack, which here is the receiver: a form would take no plain http."""
    kept = AlertSettings(workspace=workspace, slack=True, slack_channel="#privacy")
    kept.sealed_slack_url = seal(receiver.url.encode(), bound_to=alerts._bound_to(kept))
    kept.save()
    return kept


def visit(message_id: str, **properties: Any) -> dict[str, Any]:
    return track(message_id, properties=properties)


def explain_url(name: str) -> str:
    return f"{settings.SITE_URL}/acme-health/privacy/explain/{ObservedField.objects.get(name=name).pk}"


def see(worker: Driven, true: Callable[[], bool]) -> None:
    """Turn until it is so, new partitions of the log included."""

    def is_so() -> bool:
        worker.look_for_changes()
        return true()

    worker.until(is_so, "what the worker was expected to do")


def told() -> list[tuple[str, str, str]]:
    return list(AlertMessage.objects.order_by("field_name").values_list("field_name", "status", "error"))


def sent_to(source: Source) -> dict[str, Any]:
    """The one event in the source's log."""
    (seen,) = debugger.latest(source).events
    assert seen.event is not None
    return seen.event


def test_slack_is_told_of_new_fields_in_one_message_without_a_value(
    to_slack: AlertSettings, source: Source, worker: Driven, receiver: Receiver
) -> None:
    append_events(source, visit("m-1", lastName="Garcia", ward="North <b>"))
    see(worker, lambda: {status for _, status, _ in told()} == {"sent"})
    (got,) = receiver.got
    assert got.json["channel"] == "#privacy"
    assert got.json["text"].splitlines()[:-1] == [
        "2 new fields in the privacy inbox of Acme Health:",
        f"• `lastName`: recommended Yellow, matched name <{explain_url('lastName')}|Explain>",
        f"• `ward`: recommended Green <{explain_url('ward')}|Explain>",
    ]
    assert got.json["text"].splitlines()[-1].endswith("/acme-health/privacy/inbox|Classify>")
    assert b"Garcia" not in got.body
    assert b"North" not in got.body


def test_a_field_is_told_of_once(to_slack: AlertSettings, source: Source, worker: Driven, receiver: Receiver) -> None:
    append_events(source, visit("m-1", ward="North"))
    see(worker, lambda: told() == [("ward", "sent", "")])
    append_events(source, visit("m-2", ward="South"), visit("m-3", bed=4))
    see(worker, lambda: told() == [("bed", "sent", ""), ("ward", "sent", "")])
    assert len(receiver.got) == 2


def test_a_refusal_for_now_is_tried_again_and_one_for_good_is_given_up(
    to_slack: AlertSettings, source: Source, worker: Driven, receiver: Receiver
) -> None:
    receiver.says(503, Answer(200))
    append_events(source, visit("m-1", ward="North"))
    see(worker, lambda: told() == [("ward", "waiting", "503")])
    AlertMessage.objects.update(next_try_at=timezone.now() - timedelta(seconds=1))
    see(worker, lambda: told() == [("ward", "sent", "")])
    receiver.says(404)
    append_events(source, visit("m-2", bed=4))
    see(worker, lambda: told() == [("bed", "failed", "404"), ("ward", "sent", "")])


def test_a_source_is_told_by_an_event_of_its_own_which_raises_no_alert(
    workspace: Workspace, source: Source, alice: User, worker: Driven
) -> None:
    told_to = SourceFactory(workspace=workspace)
    change_alerts(workspace, Channels(segment=True, segment_source=told_to), actor=alice)
    append_events(source, visit("m-1", lastName="Garcia"))
    see(worker, lambda: told() == [("lastName", "sent", "")])
    see(worker, lambda: ObservedField.objects.filter(name="recommended_classification").exists())
    assert told() == [("lastName", "sent", "")]
    assert sent_to(told_to)["properties"] == {
        "field": "lastName",
        "recommended_classification": "yellow",
        "matcher": "name",
        "explain_url": explain_url("lastName"),
    }
    events = ObservedField.objects.get(name="recommended_classification").events.all()
    assert [(event.event, event.source) for event in events] == [("New Privacy Field Detected", told_to)]


def ask(workspace: Workspace, channel: AlertMessage.Channel, alice: User) -> AlertMessage:
    return alerts.send_test(workspace, channel, actor=alice)


def outcome(test: AlertMessage) -> tuple[str, str, bool]:
    test.refresh_from_db()
    return test.status, test.error, test.tried_at is not None


def test_a_test_is_sent_to_slack_and_replaced_by_the_next(
    to_slack: AlertSettings, workspace: Workspace, alice: User, worker: Driven, receiver: Receiver
) -> None:
    first = ask(workspace, AlertMessage.Channel.SLACK, alice)
    see(worker, lambda: outcome(first) == ("sent", "", True))
    (got,) = receiver.got
    assert got.json["text"] == "A test of the privacy alerts of Acme Health. No new field was found."
    second = ask(workspace, AlertMessage.Channel.SLACK, alice)
    assert list(AlertMessage.objects.all()) == [second]
    rows = AuditRow.objects.filter(event_type="Privacy Alert Tested")
    assert [row.details for row in rows] == [{"channel": "slack"}] * 2


def test_a_test_that_fails_is_not_tried_again_and_says_what_to_do(
    to_slack: AlertSettings, workspace: Workspace, alice: User, worker: Driven, receiver: Receiver
) -> None:
    receiver.says(503)
    test = ask(workspace, AlertMessage.Channel.SLACK, alice)
    see(worker, lambda: outcome(test) == ("failed", "503", True))
    slack, segment = health_of(workspace, to_slack)
    assert (slack.trouble, slack.last_sent, slack.waiting) == ("Slack had trouble of its own (503).", None, 0)
    assert (segment.is_on, segment.trouble, segment.test) == (False, "", "")
    receiver.says(200)
    test = ask(workspace, AlertMessage.Channel.SLACK, alice)
    see(worker, lambda: outcome(test) == ("sent", "", True))
    slack, _ = health_of(workspace, to_slack)
    assert (slack.trouble, slack.last_sent) == ("", test.tried_at)


def test_how_channels_do_is_read_from_the_ends_of_indexes(workspace: Workspace, to_slack: AlertSettings) -> None:
    """Not row by row: a workspace may have been told of 100,000 fields."""
    if connection.vendor == "postgresql":
        pytest.skip("PostgreSQL plans by how many rows there are")
    with CaptureQueriesContext(connection) as asked:
        health_of(workspace, to_slack)
    (query,) = asked.captured_queries
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
        steps = [row[3] for row in cursor.fetchall() if " U0" in row[3]]
    assert len(steps) == 12
    by_index = re.compile(r"USING (COVERING )?INDEX alerts?_\w+ \(workspace_id=\? AND channel=\?")
    assert all(by_index.search(step) for step in steps), steps


def test_a_test_reaches_the_source_under_a_name_of_its_own(
    workspace: Workspace, source: Source, alice: User, worker: Driven
) -> None:
    told_to = SourceFactory(workspace=workspace)
    change_alerts(workspace, Channels(segment=True, segment_source=told_to), actor=alice)
    test = ask(workspace, AlertMessage.Channel.SEGMENT, alice)
    see(worker, lambda: outcome(test) == ("sent", "", True))
    see(worker, lambda: FieldEvent.objects.filter(source=told_to).exists())
    assert list(FieldEvent.objects.values_list("event", "field__name")) == [("Privacy Alert Test", "test")]


def test_a_channel_that_is_off_is_not_tested(workspace: Workspace, alice: User, bob: User) -> None:
    with pytest.raises(ValidationError, match="Switch the channel on and save"):
        ask(workspace, AlertMessage.Channel.SLACK, alice)
    with pytest.raises(PermissionDenied):
        ask(workspace, AlertMessage.Channel.SLACK, bob)
    assert not AlertMessage.objects.exists()
    assert not AuditRow.objects.filter(event_type="Privacy Alert Tested").exists()


def test_nobody_is_told_where_both_channels_are_off(source: Source, worker: Driven) -> None:
    append_events(source, visit("m-1", ward="North"))
    see(worker, ObservedField.objects.exists)
    assert told() == []


def test_what_waits_ends_when_its_channel_is_switched_off(
    to_slack: AlertSettings, source: Source, worker: Driven, receiver: Receiver
) -> None:
    receiver.says(503)
    append_events(source, visit("m-1", ward="North"))
    see(worker, lambda: told() == [("ward", "waiting", "503")])
    AlertSettings.objects.update(slack=False)
    AlertMessage.objects.update(next_try_at=timezone.now() - timedelta(seconds=1))
    see(worker, lambda: told() == [("ward", "failed", "SWITCHED_OFF")])


@pytest.mark.parametrize(
    ("channels", "field"),
    [
        (Channels(slack=True), "slack_url"),
        (Channels(slack=True, slack_url="http://hooks.slack.com/services/x"), "slack_url"),
        (Channels(segment=True), "segment_source"),
    ],
)
def test_a_channel_that_is_on_needs_its_address(
    workspace: Workspace, alice: User, channels: Channels, field: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        change_alerts(workspace, channels, actor=alice)
    assert list(refused.value.message_dict) == [field]
    assert not AlertSettings.objects.exists()
    assert not AuditRow.objects.filter(event_type="Privacy Alerts Modified").exists()


def test_the_address_is_sealed_and_left_out_of_the_audit_row(workspace: Workspace, alice: User) -> None:
    kept = change_alerts(workspace, Channels(slack=True, slack_url=URL, slack_channel="#x"), actor=alice)
    assert alerts.slack_url(kept) == URL
    assert b"secret" not in bytes(kept.sealed_slack_url)
    row = AuditRow.objects.get(event_type="Privacy Alerts Modified")
    assert row.details["slack_url_changed"] is True
    assert "hooks.slack.com" not in str(row.details)
    change_alerts(workspace, Channels(slack=False, slack_channel="#x"), actor=alice)
    assert alerts.slack_url(alerts.settings_of(workspace)) == URL


def test_only_who_may_classify_changes_alerts(workspace: Workspace, bob: User) -> None:
    with pytest.raises(PermissionDenied):
        change_alerts(workspace, Channels(), actor=bob)
    assert not AlertSettings.objects.exists()
