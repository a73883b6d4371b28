"""The Event Tester in Chromium: generate, load, send, and see request and answer; no axe finding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.browsing import assert_accessible, complaints, sign_in
from tests.destinations.factories import DestinationFactory, append_events, encrypt_for, opened, track
from tests.destinations.filters.test_filters_in_browser import shoot
from tests.destinations.making import BASE
from tests.destinations.receivers import Answer, Receiver, receiving
from workspaces.models import Source, User


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.DELIVERY_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with receiving() as made:
        made.says(Answer(200, body=b'{"ok": true}'))
        yield made


def test_an_event_is_loaded_and_sent(
    page: Page, live_server: LiveServer, source: Source, alice: User, receiver: Receiver
) -> None:
    reports = complaints(page)
    crm = encrypt_for(
        DestinationFactory(source=source, name="CRM", url=receiver.url, shared_secret="s3cr3t-shared"), "email"
    )
    append_events(source, track("m-77", properties={"email": "jo@example.com"}))
    sign_in(page, live_server, alice)
    page.goto(f"{live_server.url}{BASE}/{crm.pk}/tester")
    assert_accessible(page, "tester")
    page.get_by_role("button", name="Load event from source").click()
    expect(page.get_by_label("Enter your test event payload")).to_have_value(re.compile("m-77"))
    page.get_by_role("button", name="Send test event to destination").click()
    expect(page.get_by_text("Test event received by destination.")).to_be_visible()
    expect(page.locator("#tested-answer")).to_contain_text('"ok": true')
    expect(page.locator("#tested-request")).not_to_contain_text("jo@example.com")
    assert opened(receiver.got[0].json["properties"]["email"]) == "jo@example.com"
    assert_accessible(page, "tester with an outcome")
    shoot(page, "tester")
    page.get_by_label("Enter your test event payload").fill("{")
    page.get_by_role("button", name="Send test event to destination").click()
    expect(page.get_by_text("Nothing was sent")).to_be_visible()
    assert len(receiver.got) == 1
    assert reports == []
