"""Second factors in a real browser: enrolling with an app and with a passkey, each way of signing in, removing one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.core import mail
from django.core.cache import cache
from playwright.sync_api import CDPSession, Page, expect
from pytest_django.live_server_helper import LiveServer

from tests import browsing
from tests.factories import PASSWORD, join
from tests.second_factor import code_now
from workspaces.grants import RoleGiven
from workspaces.invitations import invite
from workspaces.models import User, Workspace
from workspaces.roles import Role

NOT_RIGHT = re.compile("This code is not right")


@pytest.fixture
def nora(live_server: LiveServer, workspace: Workspace) -> User:
    """Invited, with a password, has not enrolled."""
    user = User.objects.create_user("nora@example.com", PASSWORD, name="Nora Nurse")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    join(workspace, user, Role.OWNER)
    return user


@pytest.fixture
def reports(page: Page) -> Iterator[list[str]]:
    """What the browser complained of; nothing, at the end."""
    found = browsing.complaints(page)
    yield found
    assert found == []


@pytest.fixture
def key_ring(page: Page) -> CDPSession:
    """The browser's own authenticator, whose holder shows their face whenever asked."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session


def type_password(page: Page, server: LiveServer, user: User, *, path: str = "/") -> None:
    page.goto(f"{server.url}{path}")
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def type_code(page: Page, code: str) -> None:
    page.get_by_role("textbox", name="Code").fill(code)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page) -> None:
    page.get_by_label("Your account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def next_code(secret: str) -> str:
    """A code that was not used: the app would show it half a minute later."""
    cache.clear()
    return code_now(secret)


def test_first_sign_in_with_an_app(page: Page, live_server: LiveServer, nora: User, reports: list[str]) -> None:
    type_password(page, live_server, nora, path="/acme-health/sources?search=portal")
    expect(page.get_by_role("heading", name="Protect your account")).to_be_visible()
    browsing.assert_accessible(page, "enrol")
    page.get_by_role("link", name="Set up an app").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    assert page.get_by_role("img", name="QR code").evaluate("image => image.naturalWidth") > 0
    browsing.assert_accessible(page, "activate")
    secret = page.locator("#secret").inner_text()
    page.get_by_role("textbox", name="Code").fill("000000")
    page.get_by_role("button", name="Add authenticator app").click()
    expect(page.get_by_role("textbox", name="Code")).to_have_accessible_description(NOT_RIGHT)
    browsing.assert_accessible(page, "activate-wrong")
    assert page.locator("#secret").inner_text() == secret
    page.get_by_role("textbox", name="Code").fill(code_now(secret))
    page.get_by_role("button", name="Add authenticator app").click()
    expect(page.get_by_text("Save these codes now")).to_be_visible()
    browsing.assert_accessible(page, "codes")
    codes = page.locator("#recovery-codes").inner_text().split()
    assert len(codes) == 10
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "lifeline-recovery-codes.txt"
    assert Path(download.value.path()).read_text().split() == codes
    page.get_by_role("link", name="I have saved them").click()
    expect(page).to_have_url(f"{live_server.url}/acme-health/sources?search=portal")
    sign_out(page)

    type_password(page, live_server, nora, path="/acme-health/sources")
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    browsing.assert_accessible(page, "second-step")
    type_code(page, "000000")
    expect(page.get_by_role("textbox", name="Code")).to_have_accessible_description(NOT_RIGHT)
    browsing.assert_accessible(page, "second-step-wrong")
    type_code(page, next_code(secret))
    expect(page).to_have_url(f"{live_server.url}/acme-health/sources")
    sign_out(page)

    type_password(page, live_server, nora)
    type_code(page, codes[3])
    expect(page).to_have_url(f"{live_server.url}/acme-health/home")
    page.goto(f"{live_server.url}/settings/user/mfa")
    expect(page.get_by_text("9 of them left")).to_be_visible()
    browsing.assert_accessible(page, "overview")
    page.goto(f"{live_server.url}/settings/user/mfa/recovery-codes")
    browsing.assert_accessible(page, "codes-again")
    browsing.follow(page, page.get_by_role("link", name="Generate new codes"))
    browsing.assert_accessible(page, "generate")
    page.get_by_role("button", name="Generate new codes").click()
    assert set(page.locator("#recovery-codes").inner_text().split()).isdisjoint(codes)


def test_first_sign_in_with_a_passkey(
    page: Page, live_server: LiveServer, nora: User, key_ring: CDPSession, reports: list[str]
) -> None:
    type_password(page, live_server, nora, path="/acme-health/sources")
    browsing.follow(page, page.get_by_role("link", name="Set up a passkey"))
    browsing.assert_accessible(page, "add-passkey")
    page.get_by_role("textbox", name="Name").fill("Work laptop")
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_text("Save these codes now")).to_be_visible()
    page.get_by_role("link", name="I have saved them").click()
    expect(page).to_have_url(f"{live_server.url}/acme-health/sources")
    sign_out(page)

    page.goto(f"{live_server.url}/acme-health/destinations")
    browsing.assert_accessible(page, "sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(f"{live_server.url}/acme-health/destinations")
    sign_out(page)

    type_password(page, live_server, nora)
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    browsing.assert_accessible(page, "second-step-passkey")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(f"{live_server.url}/acme-health/home")


def accept(page: Page, server: LiveServer, invitation: str) -> None:
    """Follow the link of the mail and choose a password; then there is one more step."""
    page.goto(f"{server.url}{invitation}")
    page.get_by_label("Your name").fill("Nina Nurse")
    page.get_by_label("Password").fill("a river of quiet lanterns")
    page.get_by_role("button", name="Create account and join").click()
    expect(page.get_by_role("heading", name="Protect your account")).to_be_visible()


@pytest.fixture
def invitation(live_server: LiveServer, workspace: Workspace, alice: User) -> str:
    """The path in the mail to Nina."""
    invite(workspace, email="nina@example.com", roles=[RoleGiven(Role.OWNER)], actor=alice)
    found = re.search(r"/invitations/\S+", str(mail.outbox[0].body))
    assert found is not None
    return found[0]


def test_from_the_invitation_to_a_sign_in_with_an_app(
    page: Page, live_server: LiveServer, invitation: str, reports: list[str]
) -> None:
    accept(page, live_server, invitation)
    page.get_by_role("link", name="Set up an app").click()
    secret = page.locator("#secret").inner_text()
    page.get_by_role("textbox", name="Code").fill(code_now(secret))
    page.get_by_role("button", name="Add authenticator app").click()
    page.get_by_role("link", name="I have saved them").click()
    expect(page).to_have_url(f"{live_server.url}/acme-health/home")
    sign_out(page)
    page.get_by_label("Email").fill("nina@example.com")
    page.get_by_label("Password").fill("a river of quiet lanterns")
    page.get_by_role("button", name="Sign in", exact=True).click()
    type_code(page, next_code(secret))
    expect(page).to_have_url(f"{live_server.url}/acme-health/home")


def test_from_the_invitation_to_a_sign_in_with_a_passkey(
    page: Page, live_server: LiveServer, invitation: str, key_ring: CDPSession, reports: list[str]
) -> None:
    accept(page, live_server, invitation)
    page.get_by_role("link", name="Set up a passkey").click()
    page.get_by_role("button", name="Add passkey").click()
    page.get_by_role("link", name="I have saved them").click()
    expect(page).to_have_url(f"{live_server.url}/acme-health/home")
    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(f"{live_server.url}/acme-health/home")


def test_passkeys_are_renamed_and_removed_but_not_the_last(
    page: Page, live_server: LiveServer, alice: User, key_ring: CDPSession, reports: list[str]
) -> None:
    type_password(page, live_server, alice)
    type_code(page, code_now())
    page.get_by_label("Your account").click()
    page.get_by_role("link", name="Your account").click()
    page.get_by_role("link", name="Multi-factor authentication").click()
    page.get_by_role("link", name="Add passkey").click()
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_role("status")).to_contain_text(["Your passkey is added."])
    browsing.assert_accessible(page, "overview-both")
    browsing.follow(page, page.get_by_role("link", name="Rename Passkey"))
    browsing.assert_accessible(page, "rename")
    page.get_by_role("textbox", name="Name").fill("Work laptop")
    page.get_by_role("button", name="Save Changes").click()
    browsing.follow(page, page.get_by_role("link", name="Remove authenticator app"))
    browsing.assert_accessible(page, "remove")
    page.get_by_role("button", name="Remove authenticator app").click()
    expect(page.get_by_role("link", name="Add authenticator app")).to_be_visible()
    page.get_by_role("link", name="Remove Work laptop").click()
    expect(page.get_by_text("This is your only second factor")).to_be_visible()
    browsing.assert_accessible(page, "remove-last")
    assert Authenticator.objects.get(user=alice, type="webauthn").wrap().name == "Work laptop"


def test_confirming_it_is_oneself(
    page: Page, live_server: LiveServer, alice: User, key_ring: CDPSession, reports: list[str]
) -> None:
    RecoveryCodes.activate(alice)
    type_password(page, live_server, alice, path="/settings/user/mfa/passkeys/add")
    type_code(page, code_now())
    page.get_by_role("button", name="Add passkey").click()
    expect(page).to_have_url(f"{live_server.url}/settings/user/mfa")
    page.goto(f"{live_server.url}/reauthenticate?next=/settings/user/mfa")
    browsing.assert_accessible(page, "confirm-password")
    browsing.follow(page, page.get_by_role("link", name="Use a code of your app"))
    browsing.assert_accessible(page, "confirm-code")
    browsing.follow(page, page.get_by_role("link", name="Use a passkey"))
    browsing.assert_accessible(page, "confirm-passkey")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(f"{live_server.url}/settings/user/mfa")


def test_a_device_without_a_passkey_says_so(
    page: Page, live_server: LiveServer, alice: User, key_ring: CDPSession, reports: list[str]
) -> None:
    page.goto(f"{live_server.url}/login")
    button = page.get_by_role("button", name="Sign in with a passkey")
    button.click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was done")
    browsing.assert_accessible(page, "sign-in-problem")
    expect(button).to_be_enabled()
