"""The Privacy Portal in Chromium: a field appears by itself, is looked at, classified and explained."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from audit.models import AuditRow
from privacy.models import InventoryField
from tests import browsing
from tests.privacy.observing import observe, track
from workspaces.models import Source, User


@pytest.fixture
def portal(page: Page, live_server: LiveServer, source: Source, alice: User) -> Page:
    browsing.sign_in(page, live_server, alice)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{live_server.url}/acme-health/privacy")
    return page


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Privacy Portal").get_by_role("link", name=name).click()


def test_from_an_event_to_the_inventory(portal: Page, source: Source) -> None:
    found = browsing.complaints(portal)
    browsing.assert_accessible(portal, "home")
    open_tab(portal, "Inbox")
    expect(portal.get_by_text("Nothing waits for you")).to_be_visible()
    browsing.assert_accessible(portal, "empty inbox")

    observe(source, track(lastNam="Ruiz", email="ana@example.com", clinic="North"))
    row = portal.get_by_role("listitem").filter(has_text="lastNam")
    expect(row).to_be_visible(timeout=15_000)
    expect(portal.get_by_text("Nothing waits for you")).to_be_hidden()
    expect(portal.locator("#inbox-count")).to_have_text(re.compile("^3"))

    row.get_by_role("button", name="lastNam", exact=True).click()
    expect(row.get_by_role("cell", name=re.compile(r"name string-distance 0\.80"))).to_be_visible()
    browsing.assert_accessible(portal, "an open row")
    row.get_by_role("link", name="Show a sample").click()
    sheet = portal.get_by_role("dialog", name="Details")
    expect(sheet.locator(".json__line--marked")).to_contain_text('"lastNam": "Ruiz"')
    expect(sheet.get_by_role("heading", name="Sample")).to_be_focused()
    browsing.assert_accessible(portal, "a sample")
    portal.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    assert AuditRow.objects.filter(event_type="Field Sample Viewed").count() == 1

    row.get_by_label("Classification of lastNam: Yellow").press("Enter")
    portal.keyboard.press("Tab")
    expect(row.get_by_role("button", name="Red")).to_be_focused()
    browsing.assert_accessible(portal, "the colours of a row")
    portal.keyboard.press("Enter")
    expect(row.get_by_label("Classification of lastNam: Red")).to_be_focused()
    row.get_by_role("button", name="Add lastNam to Inventory").press("Enter")
    expect(portal.get_by_text("lastNam is in the inventory as Red.")).to_be_visible()
    expect(portal.locator("#inbox-count")).to_have_text(re.compile("^2"))
    assert InventoryField.objects.get().classification == "red"

    portal.get_by_role("link", name="Open it").click()
    expect(portal.get_by_role("heading", name="lastNam")).to_be_visible()
    assert found == []


def test_bulk_and_filter(portal: Page, source: Source) -> None:
    observe(source, track(ssn="1", email="a", clinic="North"))
    found = browsing.complaints(portal)
    open_tab(portal, "Inbox")
    portal.get_by_text("Filter", exact=True).click()
    browsing.assert_accessible(portal, "the filter")
    portal.get_by_role("checkbox", name=re.compile("Red")).check()
    portal.get_by_role("checkbox", name=re.compile("Green")).check()
    expect(portal.get_by_role("group", name="Classifications 2/3 Selected")).to_be_visible()
    portal.get_by_role("button", name="Apply").click()
    expect(portal).to_have_url(re.compile(r"class=red&class=green"))
    expect(portal.get_by_text("Showing only Red, Green")).to_be_visible()
    add = portal.locator("#bulk").get_by_role("button", name="Add to Inventory")
    expect(add).to_be_disabled()
    portal.get_by_label("Select all on this page").check()
    expect(portal.get_by_text("2 selected")).to_be_visible()
    portal.get_by_label("Colour for the selected fields").select_option("Yellow")
    portal.get_by_role("button", name="Set colour").click()
    expect(portal.get_by_text("2 fields set to Yellow.")).to_be_visible()
    portal.get_by_role("link", name="Clear Filter").first.click()
    portal.get_by_label("Select all on this page").check()
    add.click()
    expect(portal.get_by_text("3 fields added to the inventory.")).to_be_visible()
    assert sorted(InventoryField.objects.values_list("name", "classification")) == [
        ("clinic", "yellow"),
        ("email", "yellow"),
        ("ssn", "yellow"),
    ]
    assert found == []


def test_the_sheet_of_an_entry(portal: Page, source: Source) -> None:
    observe(source, track(ssn="1", email="a"))
    open_tab(portal, "Inbox")
    portal.get_by_label("Select all on this page").check()
    portal.locator("#bulk").get_by_role("button", name="Add to Inventory").click()
    found = browsing.complaints(portal)
    open_tab(portal, "Inventory")
    browsing.assert_accessible(portal, "inventory")
    portal.get_by_role("link", name="email", exact=True).click()
    sheet = portal.get_by_role("dialog", name="Details")
    expect(sheet.get_by_role("img", name="Number of times seen, by source: 1 in all")).to_be_visible()
    for name, text in (
        ("Overview", "Breakdown by Source in the past 24 hours"),
        ("Events", "Visit Booked"),
        ("Connected Destinations", "No destination is connected"),
        ("Access", "Unmasked"),
        ("History", "alice@example.com"),
    ):
        sheet.get_by_role("link", name=name, exact=True).click()
        expect(sheet.get_by_role("link", name=name, exact=True)).to_have_attribute("aria-current", "page")
        expect(sheet).to_contain_text(text)
        browsing.assert_accessible(portal, name)
    sheet.get_by_role("link", name="Explain this colour").click()
    expect(sheet).to_contain_text("An owner classified email as yellow in the inventory.")
    browsing.assert_accessible(portal, "explain")
    sheet.get_by_role("button", name="Close").click()
    expect(sheet).to_be_hidden()

    menu = portal.get_by_role("listitem").filter(has_text="ssn")
    menu.get_by_label("Classification of ssn: Red").click()
    browsing.assert_accessible(portal, "an open colour menu")
    menu.get_by_role("link", name="Explain this colour").click()
    expect(sheet).to_contain_text("An owner classified ssn as red in the inventory.")
    portal.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    portal.keyboard.press("Escape")

    row = portal.get_by_role("listitem").filter(has_text="email")
    row.get_by_label("Classification of email: Yellow").click()
    row.get_by_label("Reason (optional)").fill("only the clinic's own")
    portal.keyboard.press("Enter")  # presses no colour
    expect(row.get_by_label("Classification of email: Yellow")).to_be_visible()
    browsing.assert_accessible(portal, "the classes of a row")
    row.get_by_role("button", name="Green").click()
    expect(row.get_by_label("Classification of email: Green")).to_be_focused()
    change = InventoryField.objects.get(name="email").changes.first()
    assert change is not None
    assert (change.after, change.reason) == ("green", "only the clinic's own")
    assert found == []


def test_a_sheet_closed_while_it_loads_stays_closed(portal: Page, source: Source) -> None:
    observe(source, track(email="a"))
    open_tab(portal, "Inbox")
    portal.get_by_label("Select all on this page").check()
    portal.locator("#bulk").get_by_role("button", name="Add to Inventory").click()
    open_tab(portal, "Inventory")
    portal.get_by_role("link", name="email", exact=True).click()
    sheet, held = portal.get_by_role("dialog", name="Details"), list[Route]()
    portal.route("**/events", lambda route: held.append(route))  # noqa: PLW0108  (Playwright asks for a function)
    sheet.get_by_role("link", name="Events", exact=True).click()
    portal.wait_for_function("document.querySelector('#sheet .htmx-request')")
    sheet.get_by_role("button", name="Close").click()
    with portal.expect_response("**/events") as answer:
        held[0].continue_()
    answer.value.finished()
    portal.wait_for_function("!document.querySelector('#sheet .htmx-request')")
    expect(sheet).to_be_hidden()
    portal.get_by_role("link", name="email", exact=True).click()
    expect(sheet).to_contain_text("Breakdown by Source")


def test_a_tick_that_comes_before_the_script_counts(portal: Page, source: Source) -> None:
    observe(source, track(email="a", card="b"))
    held: list[Route] = []
    portal.route("**/portal.js", lambda route: held.append(route))  # noqa: PLW0108  (Playwright asks for a function)
    portal.get_by_role("navigation", name="Privacy Portal").get_by_role("link", name="Inbox").click(no_wait_after=True)
    portal.get_by_label("Select all on this page").check()
    held[0].continue_()
    expect(portal.locator("[data-selected]")).to_have_text("2 selected")
    expect(portal.locator("#bulk").get_by_role("button", name="Add to Inventory")).to_be_enabled()


def test_everything_is_there_without_scripts(portal: Page, source: Source, live_server: LiveServer) -> None:
    observe(source, track(email="ana@example.com"))
    context = portal.context.browser.new_context(
        java_script_enabled=False, storage_state=portal.context.storage_state()
    )
    plain = context.new_page()
    plain.goto(f"{live_server.url}/acme-health/privacy/inbox")
    plain.get_by_role("button", name="email", exact=True).click()
    plain.get_by_role("link", name="Show a sample").click()
    expect(plain.get_by_text('"email": "ana@example.com"')).to_be_visible()
    plain.goto(f"{live_server.url}/acme-health/privacy/inbox")
    plain.get_by_role("button", name="Add email to Inventory").click()
    expect(plain.get_by_text("1 field added to the inventory.")).to_be_visible()
    open_tab(plain, "Inventory")
    plain.get_by_role("link", name="email", exact=True).click()
    expect(plain.get_by_role("heading", name="Breakdown by Source")).to_be_visible()
    context.close()
