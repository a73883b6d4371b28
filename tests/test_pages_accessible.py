"""Every page of the shell in a real browser: no axe finding (WCAG 2.2 AA), no CSP report, works by keyboard."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests import browsing
from workspaces.models import Source, User, Workspace
from workspaces.sources import add_source

AXE_OPTIONS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
ENTRANCE = ["/login", "/login?ended=idle", "/signup", "/password/reset", "/password/reset/done", "/nope"]
INSIDE = [
    "/workspaces",
    "/acme-health/home",
    "/acme-health/sources",
    "/acme-health/sources/catalog",
    "/acme-health/sources/catalog/ios",
    "/acme-health/sources/catalog/ios/add",
    "/acme-health/sources/patient-portal/overview",
    "/acme-health/sources/patient-portal/settings",
    "/acme-health/settings/basic",
    "/acme-health/settings/hipaa/eligible-products",
    "/acme-health/settings/hipaa/architecting",
    "/settings/user/profile",
    "/settings/user/sessions",
    "/password/change",
    "/logout",
]


@pytest.fixture
def portal(live_server: LiveServer, workspace: Workspace, alice: User) -> Source:
    return add_source(workspace, kind="javascript", name="Patient portal", actor=alice)


@pytest.fixture
def reports(page: Page) -> list[str]:
    """Console errors other than the 404 a test asks for."""
    found: list[str] = []
    page.on("console", lambda m: found.append(m.text) if m.type == "error" and "404" not in m.text else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


@pytest.fixture
def signed_in(page: Page, live_server: LiveServer, portal: Source) -> Page:
    browsing.sign_in(page, live_server, User.objects.get(email="alice@example.com"))
    page.goto(f"{live_server.url}/")
    expect(page).to_have_url(f"{live_server.url}/acme-health/home")
    return page


def assert_accessible(page: Page, where: str) -> None:
    results = Axe().run(page, options=AXE_OPTIONS)
    assert results.violations_count == 0, f"{where}\n{results.generate_report()}"


@pytest.mark.parametrize("width", [1440, 390])
def test_pages_outside(page: Page, live_server: LiveServer, reports: list[str], width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    for url in ENTRANCE:
        page.goto(f"{live_server.url}{url}")
        assert_accessible(page, url)
    assert reports == []


@pytest.mark.parametrize("width", [1440, 390])
def test_pages_inside(signed_in: Page, live_server: LiveServer, reports: list[str], width: int) -> None:
    signed_in.set_viewport_size({"width": width, "height": 844})
    for url in INSIDE:
        signed_in.goto(f"{live_server.url}{url}")
        assert_accessible(signed_in, url)
        wide = signed_in.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide == 0, f"{url} scrolls sideways"
    assert reports == []


def test_errors_are_accessible(signed_in: Page, live_server: LiveServer) -> None:
    signed_in.goto(f"{live_server.url}/acme-health/sources/catalog/ios/add")
    signed_in.get_by_label("Name").fill("patient portal")
    signed_in.get_by_role("button", name="Add Source").click()
    expect(signed_in.get_by_label("Name")).to_have_accessible_description(
        "Identifies the source in this workspace, such as Patient portal (production). "
        "Another source of this workspace has this name."
    )
    assert_accessible(signed_in, "add with an error")


def test_menu_on_a_narrow_screen_by_keyboard(signed_in: Page) -> None:
    signed_in.set_viewport_size({"width": 390, "height": 844})
    button, link = signed_in.get_by_role("button", name="Menu"), signed_in.get_by_role("link", name="Sources")
    expect(link).to_be_hidden()
    button.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(link).to_be_visible()
    assert_accessible(signed_in, "open menu")
    signed_in.keyboard.press("Escape")
    expect(link).to_be_hidden()
    expect(button).to_be_focused()


def test_the_menu_is_there_without_scripts(page: Page, signed_in: Page, live_server: LiveServer) -> None:
    context = page.context.browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    plain = context.new_page()
    plain.set_viewport_size({"width": 390, "height": 844})
    plain.goto(f"{live_server.url}/acme-health/home")
    plain.get_by_role("link", name="Sources").click()
    expect(plain.get_by_role("heading", name="My Sources")).to_be_visible()
    context.close()


def test_skip_link_is_first(signed_in: Page) -> None:
    signed_in.keyboard.press("Tab")
    skip = signed_in.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    skip.press("Enter")
    expect(signed_in.locator("#content")).to_be_focused()


def test_copy_takes_the_write_key_and_says_so(signed_in: Page, live_server: LiveServer) -> None:
    signed_in.context.grant_permissions(["clipboard-read", "clipboard-write"])
    signed_in.goto(f"{live_server.url}/acme-health/sources/patient-portal/overview")
    signed_in.get_by_role("button", name="Copy Write Key").click()
    expect(signed_in.locator("#announcer")).to_have_text("Copied")
    copied = signed_in.evaluate("navigator.clipboard.readText()")
    assert copied == signed_in.locator("#write-key").inner_text()
    assert len(copied) == 32


def test_switching_workspace_and_signing_out(signed_in: Page, live_server: LiveServer) -> None:
    signed_in.locator("summary", has_text="Workspace").click()
    signed_in.get_by_role("link", name="All workspaces").click()
    expect(signed_in.get_by_role("heading", name="Workspaces")).to_be_visible()
    signed_in.get_by_label("Your account").click()
    signed_in.get_by_role("button", name="Sign out").click()
    signed_in.goto(f"{live_server.url}/acme-health/home")
    expect(signed_in.get_by_role("heading", name="Sign in")).to_be_visible()
