"""In Chromium: an undelivered event is sent again, a replay is started and followed until it is finished."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from destinations.models import Delivery, Destination, Replay
from tests.browsing import assert_accessible, complaints, follow, sign_in
from tests.destinations.factories import append, append_events, log_entry, track
from tests.destinations.making import BASE
from tests.destinations.pipeline.driving import Driven
from tests.destinations.receivers import Answer, Receiver
from workspaces.models import Source, User


@pytest.fixture
def delivering(page: Page, live_server: LiveServer, alice: User, destination: Destination) -> Page:
    sign_in(page, live_server, alice)
    page.goto(f"{live_server.url}{BASE}/{destination.pk}/delivery")
    return page


def test_a_dead_letter_is_looked_at_and_sent_again(
    worker: Driven, receiver: Receiver, source: Source, delivering: Page
) -> None:
    page, reports = delivering, complaints(delivering)
    receiver.answer = lambda got: Answer(401)
    append_events(source, track("m-1", properties={"email": "jo@example.com"}), track("m-2"))
    worker.work_off()
    page.reload()
    assert_accessible(page, "event delivery")
    page.get_by_role("link", name="401 Unauthorized").click()
    expect(page.get_by_role("dialog").get_by_text("1 of 2")).to_be_visible()
    assert_accessible(page, "issue")
    page.get_by_role("dialog").get_by_role("link", name="Request to Destination").click()
    expect(page.get_by_role("dialog").locator("#payload")).to_contain_text('"messageId"')
    page.get_by_role("button", name="Close").click()
    follow(page, page.get_by_role("link", name="Undelivered events"))
    assert_accessible(page, "undelivered")
    receiver.answer = lambda got: Answer(200)
    receiver.got.clear()
    page.get_by_label("Send m-2 again").check()
    page.get_by_role("button", name="Send chosen again").click()
    expect(page.get_by_text("1 event is sent again")).to_be_visible()
    page.get_by_role("button", name="401 Unauthorized").click()
    expect(page.get_by_text("1 event is sent again")).to_be_visible()
    worker.real._resending._due = 0.0
    worker.until(lambda: Delivery.objects.filter(status="delivered").count() == 2, "both are delivered")
    page.reload()
    expect(page.get_by_role("heading", name="Nothing is undelivered")).to_be_visible()
    assert sorted(got.message_id for got in receiver.got) == ["m-1", "m-2"]
    page.get_by_role("link", name="Delivery Overview").click()
    expect(page.get_by_text("2 events delivered").first).to_be_visible()
    assert_accessible(page, "overview")
    assert reports == []


def test_a_replay_is_followed_until_it_is_finished(
    worker: Driven, receiver: Receiver, source: Source, delivering: Page
) -> None:
    page, reports = delivering, complaints(delivering)
    for n in range(3):
        append(log_entry(source, track(f"m-{n}"), received=datetime(2026, 3, 10, tzinfo=UTC) + timedelta(hours=n)))
    worker.work_off()
    receiver.got.clear()
    page.get_by_role("link", name="Replays").click()
    page.get_by_label("Received from (UTC)").fill("2026-03-10T00:30")
    page.get_by_label("Until (UTC)").fill("2026-03-10T12:00")
    page.get_by_role("button", name="Start Replay").click()
    expect(page.get_by_role("cell", name="Running")).to_be_visible()
    assert_accessible(page, "replay running")
    worker.real._resending._due = 0.0
    worker.until(lambda: not Replay.objects.filter(state="running").exists(), "it is finished")
    expect(page.get_by_role("cell", name="Finished")).to_be_visible(timeout=10_000)
    assert sorted(got.message_id for got in receiver.got) == ["m-1", "m-2"]
    assert reports == []
