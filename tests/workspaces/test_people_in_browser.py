"""Inviting, joining and removing as people do it, in a real browser; every page of it by axe and on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from tests import browsing, factories
from workspaces.grants import RoleGiven
from workspaces.labels import add_defaults
from workspaces.models import Label, Source, SourceLabel, User, Workspace
from workspaces.roles import Role

ACCESS = "/acme-health/settings/access-management"


@pytest.fixture
def wards(live_server: LiveServer, workspace: Workspace) -> list[Source]:
    """Two sources, the first of them labelled environment:Prod."""
    add_defaults(workspace)
    wards = [factories.SourceFactory(workspace=workspace, name=name, slug=name.lower()) for name in ("North", "South")]
    SourceLabel.objects.create(source=wards[0], label=Label.objects.get(value="Prod"), key="environment")
    return wards


@pytest.fixture
def owner(page: Page, live_server: LiveServer, wards: list[Source], alice: User) -> Page:
    """Alice's browser."""
    browsing.sign_in(page, live_server, alice)
    return page


@pytest.fixture
def other(browser: Browser) -> Iterator[Page]:
    """Somebody else's browser."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def reports(page: Page) -> list[str]:
    return browsing.complaints(page)


def test_pages_are_accessible(owner: Page, live_server: LiveServer, workspace: Workspace, reports: list[str]) -> None:
    bob = factories.member(workspace, "bob", Role.SOURCE_READ_ONLY)
    member = f"{ACCESS}/users/{bob.memberships.get().pk}"
    invitation = factories.invitation(workspace, "nina@example.com", RoleGiven(Role.AUDITOR))
    for where in (
        ACCESS,
        f"{ACCESS}?q=nobody",
        f"{ACCESS}/invitations",
        f"{ACCESS}/invitations/{invitation.pk}",
        f"{ACCESS}/invite",
        member,
        f"{member}/remove",
        "/acme-health/settings/labels",
        "/acme-health/settings/who-can-do-what",
        "/acme-health/sources/north/settings",
    ):
        owner.goto(f"{live_server.url}{where}")
        browsing.assert_accessible(owner, where)
    assert reports == []


def test_choosing_roles_shows_what_belongs_to_them(owner: Page, live_server: LiveServer, reports: list[str]) -> None:
    owner.goto(f"{live_server.url}{ACCESS}/invite")
    admin, reach = owner.get_by_label("Source Admin", exact=True), owner.get_by_role("group", name="Source Admin of")
    expect(reach).to_be_hidden()
    browsing.tab_to(owner, admin)
    owner.keyboard.press("Space")
    expect(reach).to_be_visible()
    expect(owner.get_by_role("group", name="Source Admin: sources")).to_be_hidden()
    reach.get_by_label("Chosen sources").check()
    expect(owner.get_by_role("group", name="Source Admin: sources").get_by_label("South")).to_be_visible()
    owner.get_by_role("button", name="Send Invitations").click()  # the browser asks for an address first
    owner.get_by_label("E-mail addresses").fill("nonsense")
    owner.get_by_role("button", name="Send Invitations").click()
    expect(owner.get_by_text("nonsense is not an e-mail address.")).to_be_visible()
    expect(reach.get_by_label("Chosen sources")).to_be_checked()
    browsing.assert_accessible(owner, "invite with an error")
    owner.get_by_label("Workspace Owner").check()
    expect(admin).to_be_hidden()
    assert reports == []


def test_invited_to_signed_in(owner: Page, other: Page, live_server: LiveServer, wards: list[Source]) -> None:
    owner.goto(f"{live_server.url}/acme-health/home")
    owner.get_by_role("link", name="Workspace settings").click()
    owner.get_by_role("link", name="Access Management").click()
    owner.get_by_role("link", name="Invite Team Member").click()
    owner.get_by_label("E-mail addresses").fill("nina@example.com")
    owner.get_by_label("Source Admin", exact=True).check()
    reach = owner.get_by_role("group", name="Source Admin of")
    reach.get_by_label("Sources with all of these labels").check()
    reach.get_by_label("environment:Prod").check()
    owner.get_by_role("button", name="Send Invitations").click()
    expect(owner.get_by_text("Invite Pending")).to_be_visible()

    link = re.search(r"/invitations/\S+", str(mail.outbox[0].body))
    assert link is not None
    other.goto(f"{live_server.url}{link[0]}")
    browsing.assert_accessible(other, "invitation")
    other.get_by_label("Your name").fill("Nina Nurse")
    other.get_by_label("Password").fill("short")
    other.get_by_role("button", name="Create account and join").click()
    expect(other.get_by_text("at least 12 characters").last).to_be_visible()
    browsing.assert_accessible(other, "invitation with an error")
    other.get_by_label("Password").fill("a river of quiet lanterns")
    other.get_by_role("button", name="Create account and join").click()
    expect(other).to_have_url(re.compile(r"/settings/user/mfa"))  # enrols before anything is shown

    factories.enrol(User.objects.get(email="nina@example.com"))
    other.goto(f"{live_server.url}/acme-health/sources")
    expect(other.get_by_role("link", name="North")).to_be_visible()
    expect(other.get_by_text("South")).to_have_count(0)
    expect(other.get_by_role("link", name="Add Source")).to_have_count(0)
    other.get_by_role("link", name="Workspace settings").click()
    expect(other.get_by_role("link", name="Access Management")).to_have_count(0)
    other.get_by_role("link", name="Who can do what").click()
    row = other.get_by_role("row", name="Change sources, see write keys")
    expect(row.get_by_role("cell").first).to_have_text("On 1 source")

    owner.get_by_role("link", name="Users").click()
    expect(owner.get_by_role("row", name="Nina Nurse").get_by_text("Source Admin")).to_be_visible()


def test_personal_data_is_given_after_a_confirmation(
    owner: Page, live_server: LiveServer, workspace: Workspace, alice: User, reports: list[str]
) -> None:
    with time_machine.travel(timezone.now() - timedelta(minutes=6)):
        browsing.sign_in(owner, live_server, alice)
    eve = factories.member(workspace, "eve", "")
    where = f"{live_server.url}{ACCESS}/users/{eve.memberships.get().pk}"
    owner.goto(where)
    owner.get_by_label("PII Access").check()
    owner.get_by_label("Source Read-only", exact=True).check()
    owner.get_by_role("button", name="Save Changes").click()
    owner.get_by_label("Password").fill(factories.PASSWORD)
    owner.get_by_role("button", name="Confirm").first.click()
    expect(owner).to_have_url(where)
    expect(owner.get_by_text("Nothing is saved yet")).to_be_visible()
    expect(owner.get_by_label("PII Access")).to_be_checked()
    expect(owner.get_by_label("Source Read-only", exact=True)).to_be_checked()
    browsing.assert_accessible(owner, "kept answers")
    owner.get_by_role("button", name="Save Changes").click()
    expect(owner.get_by_text("The roles are saved.")).to_be_visible()
    expect(owner.get_by_role("listitem").filter(has_text="See personal data unmasked")).to_be_visible()
    assert reports == []


def test_a_removed_member_is_signed_out_where_they_are(
    owner: Page, other: Page, live_server: LiveServer, workspace: Workspace
) -> None:
    bob = factories.member(workspace, "bob", Role.SOURCE_READ_ONLY)
    browsing.sign_in(other, live_server, bob)
    other.goto(f"{live_server.url}/acme-health/sources")
    owner.goto(f"{live_server.url}{ACCESS}")
    owner.get_by_role("link", name="Bob").click()
    owner.get_by_role("link", name="Remove Team Member").click()
    owner.get_by_role("button", name="Remove Team Member").click()
    expect(owner.get_by_text("Bob is no longer a member and was signed out everywhere.")).to_be_visible()
    other.get_by_role("list", name="Connections").get_by_role("link", name="Destinations").click()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
