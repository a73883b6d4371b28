"""The session rule in Chromium: the warning, staying, the end in every tab, Back, and going on where one was.

Both clocks are moved: the page's own by Playwright, the server's by setting back what the session remembers.
"""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from audit.models import AuditRow
from tests.browsing import AXE_OPTIONS, assert_accessible, complaints, sign_in, tab_to
from tests.factories import support_staff
from tests.workspaces.waiting import HOURS, MINUTES, pass_on_the_server, sign_in_by_hand, wait, warning
from workspaces.models import User, Workspace

HOME = "/acme-health/home"
SOURCES = "/acme-health/sources?q=portal"


@pytest.fixture
def reports(page: Page) -> list[str]:
    return complaints(page)


@pytest.fixture
def tab(page: Page, live_server: LiveServer, alice: User) -> Page:
    """Alice's home, opened this moment."""
    sign_in(page, live_server, alice)
    page.context.clock.install()
    page.goto(f"{live_server.url}{HOME}")
    return page


def another_tab(tab: Page, live_server: LiveServer, path: str = SOURCES) -> Page:
    other = tab.context.new_page()
    other.goto(f"{live_server.url}{path}")
    return other


def last_seen() -> float:
    return float(SessionStore(Session.objects.get().pk)["seen"])


def expect_sign_in(tab: Page, *, ended: str, path: str) -> None:
    """The sign-in page, which knows why and where to go on."""
    expect(tab.get_by_role("heading", name="Sign in")).to_be_visible()
    query = parse_qs(urlsplit(tab.url).query)
    assert query == {"ended": [ended], "next": [path]}


def test_two_minutes_before_the_end_people_are_warned(tab: Page, reports: list[str]) -> None:
    wait(tab, 12.9 * MINUTES)
    expect(warning(tab)).to_be_hidden()
    wait(tab, 8)
    expect(warning(tab)).to_be_visible()
    expect(warning(tab)).to_have_accessible_name("Are you still there?")
    expect(warning(tab)).to_have_accessible_description(
        "To protect the data on this page you will be signed out in 2 minutes, unless you stay."
    )
    expect(tab.get_by_role("button", name="Stay signed in")).to_be_focused()
    assert_accessible(tab, "the warning")
    assert reports == []


def test_it_counts_down_and_is_announced_at_intervals(tab: Page) -> None:
    wait(tab, 13 * MINUTES)
    clock, announcer = tab.locator("[data-session-clock]"), tab.locator("[data-session-announcer]")
    expect(clock).to_have_text(re.compile(r"^(2:00|1:5\d)$"))
    expect(announcer).to_be_empty()
    steps = ((61, "0:5[5-9]", "(5[5-9]|60) seconds left"), (27, "0:(2[5-9]|3[0-2])", "(2[5-9]|30) seconds left"))
    for seconds, shown, said in steps:
        wait(tab, seconds)
        expect(clock).to_have_text(re.compile(f"^{shown}$"))
        expect(announcer).to_have_text(re.compile(f"^{said}$"))


def test_the_focus_stays_inside_and_comes_back(tab: Page) -> None:
    tab.get_by_role("link", name="Sources").focus()
    wait(tab, 13 * MINUTES)
    expect(warning(tab)).to_be_visible()
    for _ in range(6):
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    tab_to(tab, tab.get_by_role("button", name="Stay signed in"))
    tab.keyboard.press("Enter")
    expect(warning(tab)).to_be_hidden()
    expect(tab.get_by_role("link", name="Sources")).to_be_focused()


@pytest.mark.parametrize("way", ["button", "Escape"])
def test_staying_is_an_action_and_holds_for_every_tab(tab: Page, live_server: LiveServer, way: str) -> None:
    other = another_tab(tab, live_server)
    wait(tab, 13.5 * MINUTES)
    expect(warning(other)).to_be_visible()
    expect(warning(tab)).to_be_visible()
    before = last_seen()
    if way == "button":
        tab.get_by_role("button", name="Stay signed in").click()
    else:
        tab.keyboard.press("Escape")
    for each in (tab, other):
        expect(warning(each)).to_be_hidden()
    assert last_seen() - before > 13 * MINUTES
    wait(tab, 12 * MINUTES)
    for each in (tab, other):
        expect(warning(each)).to_be_hidden()


def test_an_action_in_one_tab_postpones_the_warning_in_all(tab: Page, live_server: LiveServer) -> None:
    other = another_tab(tab, live_server)
    wait(tab, 10 * MINUTES)
    other.reload()
    wait(tab, 5 * MINUTES)
    expect(tab.get_by_role("heading", name="Home")).to_be_visible()
    for each in (tab, other):
        expect(warning(each)).to_be_hidden()
    wait(tab, 9 * MINUTES)
    for each in (tab, other):
        expect(warning(each)).to_be_visible()
    other.reload()
    expect(warning(tab)).to_be_hidden()


def test_at_the_end_every_tab_shows_the_sign_in_page_and_why(
    tab: Page, live_server: LiveServer, reports: list[str]
) -> None:
    other = another_tab(tab, live_server)
    wait(tab, 13 * MINUTES)
    expect(warning(other)).to_be_visible()
    wait(tab, 2 * MINUTES)
    expect_sign_in(tab, ended="idle", path=HOME)
    expect_sign_in(other, ended="idle", path=SOURCES)
    expect(other.get_by_text("Nothing happened for 15 minutes.")).to_be_visible()
    assert not Session.objects.exists()
    assert AuditRow.objects.filter(event_type="Session Timed Out").count() == 1
    assert reports == []


def test_a_page_alone_does_not_keep_itself_alive(tab: Page) -> None:
    before = last_seen()
    for _ in range(15):
        wait(tab, MINUTES)
        tab.wait_for_timeout(30)
    expect_sign_in(tab, ended="idle", path=HOME)
    assert before > 0
    assert not Session.objects.exists()


def test_twelve_hours_have_a_warning_and_a_reason_of_their_own(tab: Page) -> None:
    pass_on_the_server(12 * HOURS - 90, "born")
    tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(warning(tab)).to_have_accessible_name("Your session ends soon")
    expect(tab.get_by_role("button", name="Stay signed in")).to_be_hidden()
    assert_accessible(tab, "the last warning")
    tab.get_by_role("button", name="Go on until then").click()
    expect(warning(tab)).to_be_hidden()
    wait(tab, 30)
    tab.wait_for_timeout(100)
    expect(warning(tab)).to_be_hidden()
    wait(tab, 60)
    expect_sign_in(tab, ended="too-old", path=HOME)
    expect(tab.get_by_text("It reached its longest time.")).to_be_visible()


def test_staying_shortly_before_the_longest_time_says_what_comes_next(tab: Page) -> None:
    pass_on_the_server(12 * HOURS - 15 * MINUTES - 3, "born")
    wait(tab, 13 * MINUTES + 5)
    expect(warning(tab)).to_have_accessible_name("Are you still there?")
    tab.get_by_role("button", name="Stay signed in").click()
    expect(warning(tab)).to_have_accessible_name("Your session ends soon")
    expect(tab.get_by_role("button", name="Go on until then")).to_be_focused()


def test_waking_up_asks_the_server_at_once(tab: Page) -> None:
    pass_on_the_server(16 * MINUTES)
    tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect_sign_in(tab, ended="idle", path=HOME)


@pytest.mark.parametrize("where", ["the menu", "the dialog"])
def test_signing_out_in_one_tab_signs_out_the_others(tab: Page, live_server: LiveServer, where: str) -> None:
    other = another_tab(tab, live_server)
    if where == "the menu":
        tab.get_by_label("Your account").click()
    else:
        wait(tab, 13 * MINUTES)
    tab.get_by_role("button", name="Sign out").click()
    expect(tab.get_by_role("heading", name="Sign in")).to_be_visible()
    expect_sign_in(other, ended="elsewhere", path=SOURCES)
    expect(other.get_by_text("You signed out in another window")).to_be_visible()


def test_back_shows_the_sign_in_page_and_nothing_else(tab: Page, live_server: LiveServer) -> None:
    tab.goto(f"{live_server.url}{SOURCES}")
    wait(tab, 15 * MINUTES)
    expect_sign_in(tab, ended="idle", path=SOURCES)
    for move in (tab.go_back, tab.go_forward):
        move()
        expect(tab.get_by_role("heading", name="Sign in")).to_be_visible()
        expect(tab.get_by_text("Acme Health")).to_be_hidden()


def test_a_page_out_of_the_browsers_memory_is_covered_until_the_server_agrees(tab: Page) -> None:
    def leave_and_come_back() -> None:
        for name in ("pagehide", "pageshow"):
            tab.evaluate(f"window.dispatchEvent(new PageTransitionEvent('{name}', {{persisted: true}}))")

    tab.evaluate("window.dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    expect(tab.get_by_role("heading", name="Home")).to_be_hidden()
    leave_and_come_back()
    expect(tab.get_by_role("heading", name="Home")).to_be_visible()
    Session.objects.all().delete()
    leave_and_come_back()
    expect_sign_in(tab, ended="elsewhere", path=HOME)


def test_without_the_server_the_page_is_gone_at_the_end(tab: Page) -> None:
    tab.route("**/session/left", lambda route: route.abort())
    wait(tab, 13 * MINUTES)
    expect(warning(tab)).to_be_visible()
    tab.route("**/session/stay", lambda route: route.abort())
    tab.get_by_role("button", name="Stay signed in").click()
    expect(tab.get_by_text("The server could not be reached. Try again.")).to_be_visible()
    wait(tab, 2 * MINUTES)
    expect(tab.get_by_role("heading", name="Sign in")).to_be_visible()


def test_another_persons_tab_does_not_stay(tab: Page, live_server: LiveServer, charlie: User) -> None:
    other = another_tab(tab, live_server, "/workspaces")
    sign_in(tab, live_server, charlie)
    tab.goto(f"{live_server.url}/umbrella/home")
    expect(other.get_by_role("link", name=re.compile("Umbrella"))).to_be_visible()
    expect(other.get_by_text("Acme Health")).to_be_hidden()


def test_signing_in_again_goes_on_in_every_tab(tab: Page, live_server: LiveServer, alice: User) -> None:
    other = another_tab(tab, live_server)
    wait(tab, 15 * MINUTES)
    expect_sign_in(other, ended="idle", path=SOURCES)
    expect_sign_in(tab, ended="idle", path=HOME)
    sign_in_by_hand(tab, alice)
    tab.wait_for_url(f"**{HOME}")
    other.wait_for_url(f"**{SOURCES}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_support_staff_are_warned_in_django_admin(
    page: Page, live_server: LiveServer, workspace: Workspace, reports: list[str], scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    sign_in(page, live_server, support_staff(workspace))
    page.context.clock.install()
    page.goto(f"{live_server.url}/admin/workspaces/workspace/?q=acme")
    wait(page, 13 * MINUTES)
    expect(warning(page)).to_be_visible()
    found = Axe().run(page, context="[data-session]", options=AXE_OPTIONS)
    assert found.violations_count == 0, found.generate_report()
    wait(page, 2 * MINUTES)
    expect_sign_in(page, ended="idle", path="/admin/workspaces/workspace/?q=acme")
    assert reports == []


def test_scripts_may_not_read_the_cookie(tab: Page) -> None:
    assert settings.SESSION_COOKIE_NAME not in tab.evaluate("document.cookie")
