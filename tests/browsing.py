"""A real browser in the wizard: signed in by its cookie, with what it complains of."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.factories import PASSWORD
from tests.second_factor import code_now
from workspaces.models import User

AXE_OPTIONS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def sign_in(page: Page, server: LiveServer, user: User) -> None:
    """Give the browser a session of the person."""
    client = Client()
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": server.url}])


def sign_in_by_page(page: Page, server: LiveServer, user: User, *, path: str) -> None:
    """Open the path as somebody who is signed out: password, then the code of their app."""
    page.goto(f"{server.url}{path}")
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("textbox", name="Code").fill(code_now())
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(f"{server.url}{path}")


def complaints(page: Page) -> list[str]:
    """Fills with the page's errors and warnings, other than answers a test asks for."""
    found: list[str] = []

    def note(text: str) -> None:
        if "Failed to load resource" not in text:
            found.append(text)

    page.on("console", lambda message: note(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: note(str(error)))
    return found


def follow(page: Page, link: Locator) -> None:
    """Click a link and wait for its page: what looks at a page at once, as axe does, would look at the one before."""
    with page.expect_navigation():
        link.click()


def assert_accessible(page: Page, where: str) -> None:
    """No axe finding, and nothing that scrolls sideways on a phone."""
    results = Axe().run(page, options=AXE_OPTIONS)
    assert results.violations_count == 0, f"{where}\n{results.generate_report()}"
    size = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390, f"{where} scrolls sideways"
    assert size is not None
    page.set_viewport_size(size)


def tab_to(page: Page, target: Locator, *, key: str = "Tab") -> None:
    """Press Tab until the target has the focus."""
    expect(target).to_be_visible()
    for _ in range(60):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{target} cannot be reached by {key}")


def choose_fields(page: Page, *names: str) -> None:
    """Pick fields in the chips control, by typing."""
    box = page.get_by_role("combobox", name="Fields")
    for name in names:
        box.fill(name)
        page.get_by_role("option", name=name, exact=True).click()


def generate(page: Page) -> str:
    """Press Generate Encryption Keys; the key that is shown."""
    page.get_by_role("button", name="enerate Encryption Keys").click()
    shown = page.locator("#private-key-pem")
    shown.wait_for()  # longer than `expect` does: drawing a pair takes as long as chance will have it
    return str(shown.text_content())
