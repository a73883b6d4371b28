"""In Chromium: locked out and let in again, asked who one is amid the wizard, signed out everywhere else."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from audit.models import AuditRow
from destinations.models import Destination, PublicKey
from tests.browsing import assert_accessible, choose_fields, complaints, generate, sign_in, tab_to
from tests.destinations.factories import URL
from tests.destinations.making import BASE, draft_at_setup
from tests.factories import PASSWORD, support_staff
from tests.second_factor import code_now
from workspaces.models import Source, User

ENCRYPT = "Have Segment encrypt sensitive data"
STORED = "I have stored my private key"


@pytest.fixture
def reports(page: Page) -> list[str]:
    return complaints(page)


def five_minutes_pass() -> None:
    """For what the server remembers of each sign-in and confirmation."""
    for key in Session.objects.values_list("pk", flat=True):
        session = SessionStore(key)
        session["born"] -= settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
        for record in session.get("account_authentication_methods", []):
            record["at"] -= settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
        session.save()


def try_to_sign_in(page: Page, server: LiveServer, email: str, password: str) -> None:
    page.goto(f"{server.url}/login")
    page.locator("[name=login]").fill(email)
    page.locator("[name=password]").fill(password)
    page.locator("[name=password]").press("Enter")


def confirm(page: Page) -> None:
    """Answer the question who one is, by keyboard."""
    expect(page.get_by_role("heading", name="Confirm it is you")).to_be_visible()
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")


def test_locked_out_and_let_in_again(
    page: Page, browser: Browser, live_server: LiveServer, alice: User, reports: list[str]
) -> None:
    for _ in range(5):
        try_to_sign_in(page, live_server, alice.email, "not the password")
    expect(page.get_by_role("heading", name="Sign-in is locked for now")).to_be_visible()
    assert_accessible(page, "locked")
    try_to_sign_in(page, live_server, alice.email, PASSWORD)
    expect(page.get_by_role("heading", name="Sign-in is locked for now")).to_be_visible()

    desk = browser.new_context().new_page()
    sign_in(desk, live_server, support_staff())
    desk.goto(f"{live_server.url}/admin/axes/accessattempt/")
    row = desk.get_by_role("row", name=alice.email)
    row.get_by_role("checkbox").check()
    desk.locator("select[name=action]").select_option(label="Lift the lock of the selected accounts")
    desk.get_by_role("button", name="Go").click()
    expect(desk.get_by_text(f"Accounts that can sign in again: {alice.email}")).to_be_visible()
    desk.context.close()

    try_to_sign_in(page, live_server, alice.email, PASSWORD)
    page.locator("[name=code]").fill(code_now())
    page.locator("[name=code]").press("Enter")
    expect(page.get_by_role("heading", name="Acme Health")).to_be_visible()
    unlocked = AuditRow.objects.get(event_type="Account Unlocked")
    assert (unlocked.actor_label, unlocked.workspace_id) == ("sam@support.example", str(alice.workspaces.get().pk))
    assert reports == []


def test_the_wizard_asks_who_one_is_and_loses_nothing(
    page: Page, live_server: LiveServer, alice: User, source: Source, reports: list[str]
) -> None:
    sign_in(page, live_server, alice)
    page.goto(f"{live_server.url}{BASE}/setup/{draft_at_setup(source, alice).pk}/settings")
    page.get_by_label("Name", exact=False).first.fill("Care team")
    page.get_by_label("Webhook URL").fill(URL)
    page.get_by_label(ENCRYPT).check()
    page.get_by_label("Key size").select_option("2048")
    choose_fields(page, "email", "phone")
    five_minutes_pass()
    tab_to(page, page.get_by_role("button", name="Generate Encryption Keys"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Confirm it is you")).to_be_visible()
    assert_accessible(page, "confirm it is you")
    assert not PublicKey.objects.exists()
    confirm(page)
    expect(page.get_by_role("heading", name="Setup")).to_be_visible()
    expect(page.get_by_label("Name", exact=False).first).to_have_value("Care team")
    expect(page.get_by_label("Webhook URL")).to_have_value(URL)
    expect(page.get_by_label("Key size")).to_have_value("2048")
    generate(page)
    page.get_by_label(STORED).check()
    page.get_by_role("button", name="Create destination").click()
    expect(page.get_by_text("is created, disabled.")).to_be_visible()
    made = Destination.objects.get()
    assert (made.name, made.encrypts) == ("Care team", True)
    assert sorted(field.reference for field in made.encrypted_fields.all()) == ["email", "phone"]
    assert reports == []


def test_a_file_of_the_audit_log_is_asked_for_once_more(
    page: Page, live_server: LiveServer, alice: User, reports: list[str]
) -> None:
    sign_in(page, live_server, alice)
    page.goto(f"{live_server.url}/acme-health/settings/audit-log?event_type=User+Signed+In")
    five_minutes_pass()
    page.get_by_role("link", name="Download CSV").click()
    confirm(page)
    expect(page.get_by_text("You have confirmed it is you")).to_be_visible()
    expect(page.get_by_label("Event", exact=True)).to_have_value("User Signed In")
    assert_accessible(page, "audit log, confirmed")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    assert download.value.suggested_filename.startswith("acme-health-hipaa-audit-log-")
    assert reports == []


def test_signing_out_everywhere_else(
    page: Page, browser: Browser, live_server: LiveServer, alice: User, reports: list[str]
) -> None:
    other = browser.new_context().new_page()
    for each in (page, other):
        sign_in(each, live_server, alice)
        each.goto(f"{live_server.url}/acme-health/home")
    page.get_by_label("Your account").click()
    page.get_by_role("link", name="Your account").click()
    page.get_by_role("link", name="Sessions").click()
    expect(page.get_by_role("row")).to_have_count(3)
    assert_accessible(page, "sessions")
    five_minutes_pass()
    page.get_by_role("button", name="Sign out everywhere else").click()
    confirm(page)
    page.get_by_role("button", name="Sign out everywhere else").click()
    expect(page.get_by_text("You are signed out everywhere but here.")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_text("You are signed in nowhere else.")).to_be_visible()
    other.get_by_role("link", name="Sources", exact=True).click()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    other.context.close()
    page.goto(f"{live_server.url}/acme-health/home")
    expect(page.get_by_role("heading", name="Acme Health")).to_be_visible()
    assert reports == []
