"""Privacy > Settings > Alerts as an owner uses it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from audit.models import AuditRow
from privacy import alerts
from privacy.models import AlertMessage, AlertSettings
from tests.browsing import assert_accessible, complaints, sign_in
from tests.factories import SourceFactory
from workspaces.models import Source, User, Workspace

PAGE = "/acme-health/privacy/settings/alerts"
URL = "https://hooks.slack.com/services/T0/B0/secret"


def test_slack_is_set_and_its_address_is_not_shown_again(as_alice: Client, workspace: Workspace) -> None:
    data = {"part": "slack", "slack": "on", "slack_url": URL, "slack_channel": "#privacy"}
    assert as_alice.post(PAGE, data).status_code == 302
    kept = AlertSettings.objects.get()
    assert (kept.slack, kept.slack_channel, kept.segment, alerts.slack_url(kept)) == (True, "#privacy", False, URL)
    page = as_alice.get(PAGE).content.decode()
    assert "secret" not in page
    assert "An address is kept." in page


def test_each_form_leaves_the_other_channel_alone(as_alice: Client, source: Source) -> None:
    as_alice.post(PAGE, {"part": "slack", "slack": "on", "slack_url": URL})
    as_alice.post(PAGE, {"part": "segment", "segment": "on", "segment_source": source.pk})
    kept = AlertSettings.objects.get()
    assert (kept.slack, kept.segment, kept.segment_source) == (True, True, source)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ({"part": "slack", "slack": "on"}, "Enter the address of a Slack incoming webhook."),
        ({"part": "slack", "slack_url": "ftp://x"}, "it begins with https://."),
        ({"part": "segment", "segment": "on"}, "Choose the source that is to get the alerts."),
    ],
)
def test_what_lacks_is_said_at_its_field(as_alice: Client, data: dict[str, str], complaint: str) -> None:
    answer = as_alice.post(PAGE, data)
    assert answer.status_code == 200
    assert complaint in answer.content.decode()
    assert not AlertSettings.objects.exists()


def test_a_source_of_another_workspace_cannot_be_chosen(as_alice: Client, charlie: User) -> None:
    foreign = SourceFactory(workspace=charlie.workspaces.get())
    answer = as_alice.post(PAGE, {"part": "segment", "segment": "on", "segment_source": foreign.pk})
    assert "Choose one of the sources of this workspace." in answer.content.decode()
    assert not AlertSettings.objects.exists()


def alert(workspace: Workspace, name: str, **facts: object) -> None:
    AlertMessage.objects.create(workspace=workspace, channel="slack", field_name=name, recommended="green", **facts)


def test_a_failed_alert_is_shown_with_what_to_do_until_one_gets_through(as_alice: Client, workspace: Workspace) -> None:
    as_alice.post(PAGE, {"part": "slack", "slack": "on", "slack_url": URL})
    now = timezone.now()
    alert(workspace, "ward", status="failed", error="404", tried_at=now - timedelta(minutes=2))
    said = "Slack: Slack does not know the webhook (404). Make another one in Slack and type its URL."
    page = as_alice.get(PAGE).content.decode()
    assert said in page
    alert(workspace, "bed", status="sent", tried_at=now)
    assert said not in as_alice.get(PAGE).content.decode()


def test_a_test_is_asked_for_and_followed(as_alice: Client, workspace: Workspace) -> None:
    page = as_alice.post(f"{PAGE}/test", {"channel": "slack"}, follow=True).content.decode()
    assert "Switch the channel on and save before you test it." in page
    as_alice.post(PAGE, {"part": "slack", "slack": "on", "slack_url": URL})
    page = as_alice.post(f"{PAGE}/test", {"channel": "slack"}, follow=True).content.decode()
    assert "The test is on its way." in page
    assert "every 2s" in as_alice.get(f"{PAGE}/state").content.decode()
    AlertMessage.objects.update(status="sent", tried_at=timezone.now(), next_try_at=None)
    state = as_alice.get(f"{PAGE}/state").content.decode()
    assert ("every 2s" in state, "On its way" in state) == (False, False)
    assert "Choose the channel" in as_alice.post(f"{PAGE}/test", {"channel": "x"}, follow=True).content.decode()
    assert AuditRow.objects.filter(event_type="Privacy Alert Tested").count() == 1


def test_looking_is_recorded(as_alice: Client) -> None:
    as_alice.get(PAGE)
    assert AuditRow.objects.filter(event_type="Privacy Alerts Viewed").count() == 1


def test_the_tab_leads_to_the_first_page(as_alice: Client) -> None:
    assert as_alice.get("/acme-health/privacy/settings").headers["Location"] == PAGE


def test_in_a_browser(page: Page, live_server: LiveServer, workspace: Workspace, alice: User) -> None:
    found = complaints(page)
    AlertMessage.objects.create(
        workspace=workspace, channel="slack", field_name="lastName", recommended="yellow", created_at=timezone.now()
    )
    sign_in(page, live_server, alice)
    page.goto(f"{live_server.url}{PAGE}")
    assert_accessible(page, "Alerts")
    page.get_by_role("switch", name="Send alerts to Slack").click()
    page.get_by_label("Webhook URL").fill(URL)
    page.get_by_role("button", name="Save Slack alerts").click()
    expect(page.get_by_text("Your changes are saved.")).to_be_visible()
    expect(page.get_by_role("switch", name="Send alerts to Slack")).to_be_checked()
    assert found == []
