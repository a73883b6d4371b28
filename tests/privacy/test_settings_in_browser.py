"""Standard Controls and Suppressed Users as an owner meets them, in Chromium; every new page without an axe finding."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from privacy.inventory import classify_field
from privacy.models import Classification, Regulation, StandardControl, SuppressedUser
from privacy.regulations import request_regulation
from tests import browsing
from tests.privacy.observing import observe, track
from workspaces.models import Source, User, Workspace

BASE = "/acme-health/privacy/settings"


@pytest.fixture
def owner(page: Page, live_server: LiveServer, workspace: Workspace, source: Source, alice: User) -> Page:
    """Alice's browser at the portal; one of the source's fields is red."""
    observe(source, track(ssn="078-05-1120", plan="gold"))
    classify_field(workspace, name="ssn", classification=Classification.RED, actor=alice)
    browsing.sign_in(page, live_server, alice)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{live_server.url}{BASE}/controls")
    return page


def test_red_fields_are_blocked_at_a_source(owner: Page, source: Source) -> None:
    problems = browsing.complaints(owner)
    owner.get_by_role("link", name=source.name).click()
    sheet = owner.get_by_role("dialog", name="Details")
    expect(sheet.get_by_role("heading", name="What would be blocked, last 7 days")).to_be_visible()
    expect(sheet.get_by_text("ssn", exact=True)).to_be_visible()
    browsing.assert_accessible(owner, "a source's controls")
    owner.keyboard.press("Escape")
    button = owner.get_by_role("button", name=f"Block red fields of {source.name}")
    browsing.tab_to(owner, button)
    owner.keyboard.press("Enter")
    expect(owner.get_by_text(f"Red fields of {source.name} are blocked")).to_be_visible()
    expect(owner.get_by_role("cell", name="Blocked", exact=True)).to_be_visible()
    assert StandardControl.objects.filter(source=source).exists()
    browsing.assert_accessible(owner, "Standard Controls")
    assert problems == []


def test_a_user_is_suppressed_and_released(owner: Page, live_server: LiveServer) -> None:
    problems = browsing.complaints(owner)
    owner.get_by_role("link", name="Suppressed Users").click()
    expect(owner.get_by_text("Nobody is suppressed")).to_be_visible()
    browsing.assert_accessible(owner, "nobody suppressed")
    owner.get_by_role("textbox", name="userId").fill("patient-4711")
    owner.get_by_role("button", name="Request Suppression").click()
    expect(owner.get_by_role("rowheader", name="patient-4711")).to_be_visible()
    browsing.assert_accessible(owner, "Suppressed Users")
    owner.get_by_role("button", name="Remove patient-4711").click()
    expect(owner.get_by_text("The user is no longer suppressed.")).to_be_visible()
    assert not SuppressedUser.objects.exists()
    assert problems == []


def test_a_deletion_is_requested_and_its_report_opened(
    owner: Page, live_server: LiveServer, workspace: Workspace, alice: User
) -> None:
    problems = browsing.complaints(owner)
    owner.get_by_role("link", name="Deletion Requests").click()
    expect(owner.get_by_text("No requests yet")).to_be_visible()
    browsing.follow(owner, owner.get_by_role("link", name="New Request").first)
    menu = owner.get_by_role("navigation", name="Privacy settings")
    expect(menu.get_by_role("link", name="Deletion Requests")).to_have_attribute("aria-current", "true")
    browsing.assert_accessible(owner, "New Request")
    owner.get_by_role("button", name="Request", exact=True).click()
    expect(owner.get_by_role("alert")).to_contain_text("Enter a userId or choose a file.")
    browsing.assert_accessible(owner, "New Request with an error")
    ids = {"name": "ids.csv", "mimeType": "text/csv", "buffer": b"userId\nu1\nu2\n"}
    owner.get_by_label("Or a CSV file").set_input_files([ids])
    owner.get_by_role("button", name="Request", exact=True).click()
    expect(owner.get_by_text("A file of 2 users: 0 done")).to_be_visible()
    Regulation.objects.filter(subject=Regulation.objects.all()[0].subject).update(status="FINISHED")
    expect(owner.get_by_text("A file of 2 users: 1 done")).to_be_visible(timeout=15_000)
    browsing.assert_accessible(owner, "Deletion Requests")
    owner.get_by_role("link", name="u1").click()
    expect(owner.get_by_role("dialog").get_by_role("heading", name="Suppress and delete")).to_be_visible()
    browsing.assert_accessible(owner, "a request's report")
    assert problems == []


def test_the_other_pages_are_accessible(
    owner: Page, live_server: LiveServer, workspace: Workspace, alice: User
) -> None:
    made = request_regulation(workspace, regulation_type=Regulation.Type.DELETE_ONLY, user_id="u1", actor=alice)
    for path in ("retention", f"deletions/{made.pk}"):
        owner.goto(f"{live_server.url}{BASE}/{path}")
        browsing.assert_accessible(owner, path)
    owner.goto(f"{live_server.url}{BASE}/retention")
    owner.get_by_label("Workspace default archive retention period").select_option("3 years")
    owner.get_by_role("button", name="Save").click()
    expect(owner.get_by_role("heading", name="Events are kept for 1095 days")).to_be_visible()
