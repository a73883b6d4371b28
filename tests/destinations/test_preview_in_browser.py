"""What would leave in Chromium: on its own page, from a filter that is being made, and from Data Encryption."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from destinations.models import Destination, EncryptedField, Filter, PublicKey
from tests.browsing import assert_accessible, choose_fields, complaints, sign_in
from tests.destinations.factories import DestinationFactory, append_events, track
from tests.destinations.filters.test_filters_in_browser import shoot
from tests.destinations.making import BASE, draft_at_setup
from workspaces.models import Source, User


@pytest.fixture
def crm(page: Page, live_server: LiveServer, source: Source, alice: User) -> Destination:
    append_events(source, track("m-1", properties={"email": "jo@example.com", "total": 3}))
    sign_in(page, live_server, alice)
    return DestinationFactory(source=source, name="CRM")


def test_the_page_shows_events_before_and_after(page: Page, live_server: LiveServer, crm: Destination) -> None:
    reports = complaints(page)
    page.goto(f"{live_server.url}{BASE}/{crm.pk}/what-would-leave")
    expect(page.get_by_role("row", name="properties.email")).to_contain_text("As it is")
    assert_accessible(page, "what would leave")
    page.get_by_role("combobox", name="Fields to encrypt").fill("email")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Show what would leave").click()
    expect(page.get_by_role("row", name="properties.email")).to_contain_text("Encrypted, 498 characters longer")
    assert_accessible(page, "what would leave, with a choice")
    assert reports == []
    shoot(page, "preview")


def test_a_filter_and_an_encryption_are_tried_before_they_are_saved(
    page: Page, live_server: LiveServer, crm: Destination
) -> None:
    reports = complaints(page)
    page.goto(f"{live_server.url}{BASE}/{crm.pk}/filters/new")
    page.get_by_label("Action").select_option(label="Do Not Send Event")
    page.locator("#id_join").select_option(label="It is any event at all")
    page.get_by_role("button", name="What would leave, with every filter and encryption").click()
    expect(page.get_by_text("Does not leave: a filter keeps it back.")).to_be_visible()
    assert_accessible(page, "a filter with what would leave")
    page.goto(f"{live_server.url}{BASE}/{crm.pk}/encryption")
    page.get_by_label("Have Segment encrypt sensitive data").check()
    choose_fields(page, "email")
    page.get_by_role("button", name="What would leave").click()
    expect(page.get_by_role("row", name="properties.email")).to_contain_text("Encrypted")
    assert_accessible(page, "Data Encryption with what would leave")
    assert reports == []
    shoot(page, "preview-encryption")
    assert (Filter.objects.count(), EncryptedField.objects.count()) == (0, 0)


def test_it_is_seen_in_the_wizard_before_create(
    page: Page, live_server: LiveServer, source: Source, alice: User
) -> None:
    append_events(source, track("m-1", properties={"email": "jo@example.com"}))
    sign_in(page, live_server, alice)
    reports = complaints(page)
    page.goto(f"{live_server.url}{BASE}/setup/{draft_at_setup(source, alice).pk}/settings")
    page.get_by_label("Have Segment encrypt sensitive data").check()
    choose_fields(page, "email")
    page.get_by_role("button", name="What would leave", exact=True).click()
    expect(page.get_by_role("row", name="properties.email")).to_contain_text("Encrypted, 498 characters longer")
    assert_accessible(page, "Setup with what would leave")
    page.get_by_label("Your own event").fill('{"type": "track", "event": "Mine", "traits": {"email": "a@b.co"}}')
    page.get_by_role("button", name="Show what would leave").click()
    expect(page.get_by_role("heading", name="Track · Mine")).to_be_visible()
    page.get_by_role("button", name="Remove email").click()
    page.get_by_role("button", name="What would leave", exact=True).click()  # with the event that was pasted
    expect(page.get_by_role("row", name="traits.email")).to_contain_text("As it is")
    assert (Destination.objects.count(), PublicKey.objects.count()) == (0, 0)
    assert reports == []
