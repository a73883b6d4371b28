"""Filters in Chromium: made with the builder from a real event, tried, saved, changed; without an axe finding."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from destinations.models import Destination
from tests.browsing import assert_accessible, complaints, sign_in
from tests.destinations.factories import DestinationFactory, append_events, track
from tests.destinations.making import BASE
from workspaces.models import Source, User

SHOTS = os.environ.get("SHOTS")


def shoot(page: Page, name: str) -> None:
    """For a person's eyes, where asked for."""
    if SHOTS:
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 1000})
            page.screenshot(path=f"{SHOTS}/{name}-{width}.png", full_page=True)
        page.set_viewport_size({"width": 1280, "height": 720})


@pytest.fixture
def crm(live_server: LiveServer, source: Source) -> Destination:
    append_events(source, track("m-1", properties={"email": "jo@example.com", "total": 3, "lines": [{"price": 1}]}))
    return DestinationFactory(source=source, name="Care team CRM")


def test_a_filter_is_made_tried_and_saved(page: Page, live_server: LiveServer, crm: Destination, alice: User) -> None:
    reports = complaints(page)
    sign_in(page, live_server, alice)
    page.goto(f"{live_server.url}{BASE}/{crm.pk}/filters")
    assert_accessible(page, "no filters")
    shoot(page, "filters-none")
    page.get_by_role("link", name="New Filter").click()
    page.get_by_label("Action").select_option(label="Do Not Send Field(s)")
    page.get_by_role("textbox", name="Field").or_(page.get_by_role("combobox", name="Field")).first.fill(
        "properties.email"
    )
    page.get_by_role("button", name="Add Field").click()
    expect(page.locator("#id_field-1-field")).to_be_visible()
    page.locator("#id_field-1-field").fill("properties.lines.price")
    page.get_by_label("Subject").select_option(label="Event Name")
    page.get_by_label("Operator").select_option(label="is (string)")
    page.get_by_label("Value").fill("Visit Booked")
    page.get_by_role("button", name="Test Event").click()
    expect(page.get_by_text("This event will be partially sent to Care team CRM.")).to_be_visible()
    expect(page.locator(".tried del")).to_have_text(['    "email": "jo@example.com",', '        "price": 1'])
    assert_accessible(page, "a tried filter")
    shoot(page, "filter-tried")
    page.get_by_role("button", name="Next Step").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("This field is required.")).to_be_visible()
    assert_accessible(page, "a filter without a name")
    page.get_by_label("Filter Name").fill("No e-mail addresses")
    shoot(page, "filter-name")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="No e-mail addresses", exact=True)).to_be_visible()
    assert_accessible(page, "one filter")
    shoot(page, "filters-one")
    page.get_by_role("link", name="No e-mail addresses", exact=True).click()
    page.get_by_label("Action").select_option(label="Send a Sample of Events")
    page.locator("#id_join").select_option(label="This FQL is true")
    page.get_by_label("FQL").fill("event =")
    page.get_by_role("button", name="Next Step").click()
    expect(page.get_by_text("Expected a value, found the end.")).to_be_visible()
    assert_accessible(page, "FQL with an error")
    shoot(page, "filter-fql")
    (found,) = crm.filters.all()
    assert found.answers["fields"] == ["properties.email", "properties.lines.price"]
    assert reports == []
