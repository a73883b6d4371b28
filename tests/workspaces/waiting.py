"""Nobody does anything for a while: the page's clock is Playwright's, the server's is what the session remembers."""

from __future__ import annotations

from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from playwright.sync_api import Locator, Page

from tests.factories import PASSWORD
from tests.second_factor import code_now
from workspaces.models import User

MINUTES = 60
HOURS = 60 * MINUTES


def pass_on_the_server(seconds: float, *clocks: str) -> None:
    """Let that much time pass since the last action (`seen`) and the sign-in (`born`)."""
    for key in Session.objects.values_list("pk", flat=True):
        session = SessionStore(key)
        for clock in clocks or ("seen", "born"):
            session[clock] -= seconds
        session.save()


def wait(tab: Page, seconds: float) -> None:
    """Nobody does anything for so long. Each page of the context has the same clock."""
    pass_on_the_server(seconds)
    tab.context.clock.fast_forward(int(seconds * 1000))


def warning(tab: Page) -> Locator:
    return tab.get_by_role("alertdialog")


def sign_in_by_hand(tab: Page, user: User) -> None:
    tab.get_by_label("Email").fill(user.email)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in", exact=True).click()
    tab.get_by_label("Code").fill(code_now())
    tab.get_by_label("Code").press("Enter")
