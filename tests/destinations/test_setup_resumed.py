"""A half-finished wizard when the session ends, in Chromium: what was typed is there after signing in again."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from destinations.encryption.setup import drop_left_pairs
from destinations.models import Destination, Draft, PublicKey
from tests.browsing import choose_fields, complaints, generate, sign_in
from tests.destinations.factories import URL, DestinationFactory
from tests.destinations.making import BASE, assert_gone, draft_at_setup
from tests.workspaces.waiting import MINUTES, pass_on_the_server, sign_in_by_hand, wait, warning
from workspaces.models import Source, User

ENCRYPT = "Have Segment encrypt sensitive data"


@pytest.fixture
def setup(page: Page, live_server: LiveServer, source: Source, alice: User) -> Page:
    """The Setup page, half filled in, nothing pressed."""
    sign_in(page, live_server, alice)
    page.context.clock.install()
    page.goto(f"{live_server.url}{BASE}")
    page.goto(f"{live_server.url}{BASE}/setup/{draft_at_setup(source, alice).pk}/settings")
    page.get_by_label("Name", exact=False).first.fill("Night shift")
    page.get_by_label("Webhook URL").fill(URL)
    page.get_by_label("Shared secret").fill("tops3cr3t")
    page.get_by_label(ENCRYPT).check()
    page.get_by_label("Key size").select_option("2048")
    return page


def sit_it_out(page: Page) -> None:
    """Nobody there: the warning comes and goes, then the sign-in page."""
    with page.expect_response("**/answers"):  # two minutes are enough for it; the clock here leaves it none
        wait(page, 13 * MINUTES)
    expect(warning(page)).to_be_visible()
    wait(page, 2 * MINUTES)
    expect(page.get_by_text("Nothing happened for 15 minutes.")).to_be_visible()


def test_what_was_typed_and_never_sent_is_there_again(setup: Page, alice: User) -> None:
    reports, where = complaints(setup), setup.url
    choose_fields(setup, "email")
    sit_it_out(setup)
    kept = setup.evaluate("JSON.stringify([localStorage, sessionStorage])")
    assert not [typed for typed in ("Night shift", URL, "tops3cr3t") if typed in kept]
    sign_in_by_hand(setup, alice)
    setup.wait_for_url(where)
    expect(setup.get_by_label("Name", exact=False).first).to_have_value("Night shift")
    expect(setup.get_by_label("Webhook URL")).to_have_value(URL)
    expect(setup.get_by_label("Shared secret").first).to_have_value("")
    expect(setup.get_by_label("Shared secret").first).to_have_attribute("placeholder", re.compile("•"))
    expect(setup.get_by_label(ENCRYPT)).to_be_checked()
    expect(setup.get_by_label("Key size")).to_have_value("2048")
    expect(setup.get_by_role("button", name="Remove email")).to_be_visible()
    generate(setup)
    setup.get_by_label("I have stored my private key").check()
    setup.get_by_role("button", name="Create destination").click()
    expect(setup.get_by_text("is created, disabled.")).to_be_visible()
    assert Destination.objects.get().name == "Night shift"
    assert reports == []


def test_a_private_key_on_the_page_goes_without_a_question_and_is_made_anew(setup: Page, alice: User) -> None:
    asked: list[str] = []
    setup.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    choose_fields(setup, "email")
    key, where = generate(setup), setup.url
    sit_it_out(setup)
    assert asked == []
    assert_gone(key, setup.content())
    setup.go_back()
    expect(setup.get_by_role("heading", name="Sign in")).to_be_visible()
    assert_gone(key, setup.content())
    setup.go_forward()
    sign_in_by_hand(setup, alice)
    setup.wait_for_url(where)
    expect(setup.get_by_text("The key pair you generated was dropped")).to_be_visible()
    expect(setup.get_by_label("Name", exact=False).first).to_have_value("Night shift")
    assert_gone(key, setup.content())
    assert not PublicKey.objects.exists()
    assert generate(setup) != key


def test_whoever_stays_signed_in_keeps_a_pair_that_is_not_saved_yet(
    page: Page, live_server: LiveServer, source: Source, alice: User
) -> None:
    """On the Data Encryption tab, where nothing is sent before Save: half an hour of thinking, and of staying."""
    crm = DestinationFactory(source=source, name="CRM")
    sign_in(page, live_server, alice)
    page.context.clock.install()
    page.goto(f"{live_server.url}{BASE}/{crm.pk}/encryption")
    page.get_by_label(ENCRYPT).check()
    page.get_by_label("Key size").select_option("2048")
    choose_fields(page, "email")
    generate(page)
    for minutes in (13, 26, 39):
        wait(page, 13 * MINUTES)
        warning(page).get_by_role("button", name="Stay signed in").click()
        expect(warning(page)).to_be_hidden()
        Draft.objects.update(touched_at=timezone.now() - timedelta(minutes=minutes))
        assert drop_left_pairs() == 0
    page.get_by_label("I have stored my private key").check()
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.get_by_text("Your changes are saved.")).to_be_visible()
    assert Destination.objects.get().public_key == PublicKey.objects.get()


def test_signing_out_by_the_dialog_is_not_asked_about(setup: Page) -> None:
    asked: list[str] = []
    setup.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    choose_fields(setup, "email")
    generate(setup)
    wait(setup, 13 * MINUTES)
    warning(setup).get_by_role("button", name="Sign out").click()
    expect(setup.get_by_role("heading", name="Sign in")).to_be_visible()
    assert asked == []


def test_answers_are_kept_when_the_tab_is_put_away(setup: Page) -> None:
    with setup.expect_response("**/answers") as kept:
        setup.evaluate(
            "Object.defineProperty(document, 'visibilityState', {value: 'hidden'});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
    assert kept.value.status == 204
    assert Draft.objects.get().name == "Night shift"


def test_a_form_that_comes_too_late_says_that_it_was_not_saved(setup: Page, alice: User) -> None:
    where = setup.url
    setup.route("**/session/left", lambda route: route.abort())
    pass_on_the_server(15 * MINUTES)
    setup.get_by_label(ENCRYPT).uncheck()
    setup.get_by_role("button", name="Create destination").click()
    expect(setup.get_by_text("Your last step was not saved")).to_be_visible()
    assert not Destination.objects.exists()
    sign_in_by_hand(setup, alice)
    setup.wait_for_url(where)
