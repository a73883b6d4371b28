"""The Source Debugger in Chromium: events appear while one looks, pause, search, filters, an event beside the list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.browsing import assert_accessible, complaints, sign_in, tab_to
from tests.destinations.factories import append, log_entry, track
from workspaces.models import Source, User


@pytest.fixture
def debugging(page: Page, live_server: LiveServer, alice: User, source: Source, settings: Any, tmp_path: Path) -> Page:
    settings.DATA_DIR, settings.EVENT_LOG_DIR = tmp_path, tmp_path / "events"
    sign_in(page, live_server, alice)
    append(log_entry(source, track("m-1", event="First", properties={"plan": "gold"})))
    append(log_entry(source, {}, skip=[(0, "page", "no_user_anon_id")]))
    page.goto(f"{live_server.url}/acme-health/sources/{source.slug}/debugger")
    return page


def test_events_appear_while_one_looks(debugging: Page, source: Source) -> None:
    page, reports = debugging, complaints(debugging)
    events = page.get_by_role("list", name="Events").get_by_role("link")
    expect(events).to_have_count(2)
    append(log_entry(source, track("m-2", event="Second")))
    expect(events).to_have_count(3, timeout=10_000)
    expect(events.first).to_contain_text("Second")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused: events still come in")).to_be_visible()
    append(log_entry(source, track("m-3", event="Third")))
    page.wait_for_timeout(4000)
    expect(events).to_have_count(3)
    page.get_by_role("button", name="Live", exact=True).click()
    expect(events).to_have_count(4, timeout=10_000)
    assert reports == []


def test_searching_and_filtering(debugging: Page) -> None:
    page, events = debugging, debugging.get_by_role("list", name="Events").get_by_role("link")
    search = page.get_by_role("searchbox", name="Search by event name or message ID")
    for text, count in (("first", 1), ("M-1", 1), ("nothing", 0), ("", 2)):
        search.fill(text)
        expect(events).to_have_count(count)
    page.get_by_text("Advanced").click()
    page.get_by_label("Blocked").uncheck()
    expect(events).to_have_count(1)
    page.get_by_label("Track").uncheck()
    expect(page.get_by_text("No event to show")).to_be_visible()
    assert page.url.endswith("/debugger")


def test_keywords_are_added_and_taken_away(debugging: Page, source: Source) -> None:
    page, reports = debugging, complaints(debugging)
    events = page.get_by_role("list", name="Events").get_by_role("link")
    append(log_entry(source, track("m-2", event="Second", properties={"plan": "tin"})))
    page.get_by_text("Advanced").click()
    page.get_by_label("Keyword", exact=True).fill("gold")
    page.keyboard.press("Enter")
    expect(events).to_have_count(1)
    expect(events).to_contain_text("First")
    expect(page.get_by_text("Searching Property Values for gold.")).to_be_attached()
    assert_accessible(page, "keywords")
    append(log_entry(source, track("m-3", event="Third", properties={"plan": "gold"})))
    append(log_entry(source, track("m-4", event="Fourth", properties={"plan": "tin"})))
    expect(events).to_have_count(2, timeout=10_000)
    page.get_by_role("button", name="Remove gold").click()
    expect(events).to_have_count(5)
    page.get_by_label("Full Payload").check()
    page.get_by_label("Keyword", exact=True).fill("M-4")
    page.get_by_role("button", name="Add").last.click()
    expect(events).to_have_count(1)
    page.get_by_role("link", name="Clear filter").click()
    expect(events).to_have_count(5)
    assert page.url.endswith("/debugger")
    assert reports == []


def test_an_event_is_opened_by_the_keyboard(debugging: Page) -> None:
    page, reports = debugging, complaints(debugging)
    first = page.get_by_role("link", name="First")
    tab_to(page, first)
    page.keyboard.press("Enter")
    expect(page.get_by_text("analytics.track('u1', 'First'")).to_be_visible()
    assert_accessible(page, "pretty")
    page.get_by_role("link", name="Raw").click()
    expect(page.get_by_text('"messageId": "m-1"')).to_be_visible()
    page.get_by_role("link", name="No userID or anonymousID").click()
    expect(page.get_by_text("Of what is blocked only the reason is kept.")).to_be_visible()
    assert_accessible(page, "blocked")
    assert reports == []
