"""The wizard in Chromium: by mouse, by keyboard alone, without scripts; the key copied, saved, lost and kept."""

from __future__ import annotations

import re
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Dialog, Page, expect
from pytest_django.live_server_helper import LiveServer

from destinations.models import Destination, Draft, PublicKey
from tests.browsing import choose_fields, complaints, generate, sign_in, tab_to
from tests.destinations.factories import URL
from tests.destinations.making import BASE, draft_at_setup, event_types
from tests.factories import SourceFactory
from workspaces.models import Source, User

ENCRYPT = "Have Segment encrypt sensitive data"
STORED = "I have stored my private key"


@pytest.fixture
def reports(page: Page) -> list[str]:
    return complaints(page)


@pytest.fixture
def dialogs(page: Page) -> list[str]:
    """Each question the browser asks; all are answered with yes."""
    found: list[str] = []

    def accept(dialog: Dialog) -> None:
        found.append(dialog.type)
        dialog.accept()

    page.on("dialog", accept)
    return found


@pytest.fixture
def signed_in(page: Page, live_server: LiveServer, alice: User, source: Source) -> Page:
    sign_in(page, live_server, alice)
    return page


@pytest.fixture
def setup_url(signed_in: Page, live_server: LiveServer, source: Source, alice: User) -> str:
    """The address of a Setup page that is not open yet."""
    return f"{live_server.url}{BASE}/setup/{draft_at_setup(source, alice).pk}/settings"


@pytest.fixture
def setup(signed_in: Page, setup_url: str) -> Page:
    """The Setup page with a name and an address, Data Encryption ticked and a short key chosen."""
    signed_in.goto(setup_url)
    signed_in.get_by_label("Name", exact=False).first.fill("Care team")
    signed_in.get_by_label("Webhook URL").fill(URL)
    signed_in.get_by_role("switch", name="Enable Destination").check()
    signed_in.get_by_label(ENCRYPT).check()
    signed_in.get_by_label("Key size").select_option("2048")
    return signed_in


def create(page: Page) -> None:
    page.get_by_label(STORED).check()
    page.get_by_role("button", name="Create destination").click()
    page.wait_for_url("**/overview")


def test_copy_and_download_give_the_key_that_is_shown(
    setup: Page, reports: list[str], dialogs: list[str], tmp_path: Path
) -> None:
    choose_fields(setup, "email", "phone")
    key = generate(setup)
    setup.context.grant_permissions(["clipboard-read", "clipboard-write"])
    setup.get_by_role("button", name="Copy Private Key").click()
    expect(setup.locator("#announcer")).to_have_text("Copied")
    with setup.expect_download() as download:
        setup.get_by_role("button", name="Download Private Key").click()
    download.value.save_as(tmp_path / "key.pem")
    assert setup.evaluate("navigator.clipboard.readText()") == key == (tmp_path / "key.pem").read_text()
    assert download.value.suggested_filename == "care-team-private-key.pem"
    openssl = ["openssl", "pkey", "-in", str(tmp_path / "key.pem"), "-pubout"]
    public = subprocess.run(openssl, capture_output=True, check=True, text=True).stdout
    create(setup)
    assert public == PublicKey.objects.get().pem
    assert Destination.objects.get().encrypts
    assert (reports, dialogs) == ([], [])


def test_the_keyboard_alone_is_enough(signed_in: Page, live_server: LiveServer, reports: list[str]) -> None:
    page, press = signed_in, signed_in.keyboard.press
    SourceFactory(workspace=Source.objects.get().workspace)
    page.goto(f"{live_server.url}{BASE}/catalog")
    tab_to(page, page.get_by_role("link", name="Configure Webhooks"))
    press("Enter")
    tab_to(page, page.get_by_role("button", name="Add destination"))
    press("Enter")
    tab_to(page, page.get_by_role("radio").first)
    press("ArrowDown")
    expect(page.get_by_role("radio").last).to_be_checked()
    press("Enter")
    tab_to(page, page.get_by_label("Webhook URL"))
    page.keyboard.type(URL)
    tab_to(page, page.get_by_role("switch", name="Enable Destination"))
    press("Space")
    tab_to(page, page.get_by_label(ENCRYPT))
    press("Space")
    tab_to(page, page.get_by_role("combobox", name="Fields"))
    for name in ("email", "phone", "medication"):
        page.keyboard.type(name)
        press("Enter")
    tab_to(page, page.get_by_role("button", name="Remove phone"), key="Shift+Tab")
    press("Enter")
    expect(page.get_by_role("combobox", name="Fields")).to_be_focused()
    tab_to(page, page.get_by_label("Key size"))
    press("ArrowUp")
    press("ArrowDown")
    tab_to(page, page.get_by_role("button", name="Generate Encryption Keys"))
    press("Enter")
    page.locator("#private-key-pem").wait_for()
    expect(page.get_by_role("region", name="Private Key")).to_be_focused()
    tab_to(page, page.get_by_label(STORED))
    press("Space")
    tab_to(page, page.get_by_role("button", name="Create destination"))
    press("Enter")
    page.wait_for_url("**/overview")
    made = Destination.objects.get()
    assert sorted(field.reference for field in made.encrypted_fields.all()) == ["email", "medication"]
    assert reports == []


def test_without_scripts_the_wizard_works_and_shows_the_key_once(
    signed_in: Page, browser: Browser, live_server: LiveServer, source: Source
) -> None:
    state = signed_in.context.storage_state()
    context = browser.new_context(java_script_enabled=False, storage_state=state)
    page = context.new_page()
    page.goto(f"{live_server.url}{BASE}/catalog/webhooks")
    page.get_by_role("button", name="Add destination").click()
    page.get_by_role("radio", name=re.compile(source.name)).check()
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Webhook URL").fill(URL)
    page.get_by_role("switch", name="Enable Destination").check()
    page.get_by_label(ENCRYPT).check()
    page.get_by_label("Fields").select_option(["email", "phone"])
    first = generate(page)
    page.go_back()
    expect(page.get_by_text("The key pair you generated was dropped")).to_be_visible()
    assert first not in page.content()
    expect(page.get_by_label(ENCRYPT)).to_be_checked()
    second = generate(page)
    page.get_by_label(STORED).check()
    page.get_by_role("button", name="Create destination").click()
    page.wait_for_url("**/overview")
    assert second not in page.content() != first
    made = Destination.objects.get()
    assert sorted(field.reference for field in made.encrypted_fields.all()) == ["email", "phone"]
    context.close()


def test_without_scripts_a_reloaded_answer_is_gone(signed_in: Page, browser: Browser, setup_url: str) -> None:
    context = browser.new_context(java_script_enabled=False, storage_state=signed_in.context.storage_state())
    page = context.new_page()
    page.goto(setup_url)
    page.get_by_label(ENCRYPT).check()
    page.get_by_label("Fields").select_option(["email"])
    key = generate(page)
    page.reload()
    expect(page.get_by_text("A private key is shown only once")).to_be_visible()
    assert key not in page.content()
    page.get_by_role("link", name="Return to Setup").click()
    expect(page.get_by_role("heading", name="Setup")).to_be_visible()
    context.close()


def test_create_waits_for_fields_keys_and_the_tick(setup: Page) -> None:
    button, hint = setup.get_by_role("button", name="Create destination"), setup.locator("#create-hint")
    expect(button).to_be_disabled()
    expect(hint).to_be_visible()
    choose_fields(setup, "email")
    expect(button).to_be_disabled()
    generate(setup)
    expect(button).to_be_disabled()
    setup.get_by_label(STORED).check()
    expect(button).to_be_enabled()
    expect(hint).to_be_hidden()
    setup.get_by_role("button", name="Remove email").click()
    expect(button).to_be_disabled()
    setup.get_by_label(ENCRYPT).uncheck()
    expect(button).to_be_enabled()
    expect(setup.get_by_label("Key size")).to_be_hidden()


def test_leaving_a_key_is_asked_about_and_drops_it(setup: Page, dialogs: list[str]) -> None:
    choose_fields(setup, "email")
    key = generate(setup)
    setup.reload()
    assert dialogs == ["beforeunload"]
    assert key not in setup.content()
    expect(setup.get_by_text("The key pair you generated was dropped")).to_be_visible()
    assert not PublicKey.objects.exists()
    assert event_types()[-1] == "Data Encryption Keys Discarded"
    setup.get_by_role("link", name="Back").click()
    expect(setup.get_by_role("heading", name="Select data source")).to_be_visible()
    assert dialogs == ["beforeunload"]


def test_coming_back_to_a_page_that_had_a_key_shows_none(
    setup: Page, dialogs: list[str], live_server: LiveServer
) -> None:
    choose_fields(setup, "email")
    key = generate(setup)
    setup.goto(f"{live_server.url}{BASE}")
    setup.go_back()
    expect(setup.get_by_role("heading", name="Setup")).to_be_visible()
    expect(setup.get_by_text("The key pair you generated was dropped")).to_be_visible()
    assert key not in setup.content()
    assert not PublicKey.objects.exists()


def test_whoever_stays_keeps_the_key_and_can_go_on(setup: Page) -> None:
    choose_fields(setup, "email")
    key = generate(setup)
    setup.once("dialog", lambda dialog: dialog.dismiss())
    setup.get_by_role("link", name="Back").click()
    assert setup.locator("#private-key-pem").text_content() == key
    create(setup)


def test_errors_leave_the_key_on_the_page(setup: Page, reports: list[str]) -> None:
    choose_fields(setup, "email")
    key = generate(setup)
    setup.get_by_label("Webhook URL").fill("http://10.0.0.8/")
    setup.get_by_label(STORED).check()
    setup.get_by_role("button", name="Create destination").click()
    expect(setup.get_by_label("Webhook URL")).to_be_focused()
    expect(setup.get_by_label("Webhook URL")).to_have_accessible_description(re.compile("DELIVERY_ALLOWED_NETWORKS"))
    assert setup.locator("#private-key-pem").text_content() == key
    setup.get_by_label("Webhook URL").fill(URL)
    create(setup)
    assert reports == []


def test_enter_in_a_text_box_draws_no_pair(setup: Page) -> None:
    setup.get_by_label("Webhook URL").press("Enter")
    choose_fields(setup, "email")
    key = generate(setup)
    setup.get_by_label("Webhook URL").press("Enter")
    setup.get_by_label(STORED).check()
    assert setup.locator("#private-key-pem").text_content() == key
    setup.get_by_label("Webhook URL").press("Enter")
    setup.wait_for_url("**/overview")
    assert event_types().count("Data Encryption Keys Generated") == 1


def test_no_field_is_said_beside_the_box(setup: Page) -> None:
    setup.get_by_role("button", name="Generate Encryption Keys").click()
    box = setup.get_by_role("combobox", name="Fields")
    expect(box).to_be_focused()
    expect(box).to_have_accessible_description(re.compile("Choose at least one field"))
    expect(setup.get_by_text("Choose at least one field.")).to_be_in_viewport()
    expect(setup.get_by_role("listbox")).to_be_hidden()


def test_the_button_stays_under_the_finger_when_the_box_is_left(setup: Page) -> None:
    setup.set_viewport_size({"width": 390, "height": 844})
    button = setup.get_by_role("button", name="Generate Encryption Keys")
    for field in ("email", "phone", "diagnosis", "zipcode", "medication", "sex"):
        choose_fields(setup, field)
        before = button.evaluate("button => button.offsetTop")
        setup.get_by_label("Key size").focus()
        expect(setup.get_by_role("listbox")).to_be_hidden()
        assert button.evaluate("button => button.offsetTop") == before
    generate(setup)


def test_a_page_that_another_tab_overtook_says_so(setup: Page, setup_url: str) -> None:
    choose_fields(setup, "email")
    other = setup.context.new_page()
    other.goto(setup_url)
    setup.get_by_role("button", name="Generate Encryption Keys").click()
    expect(setup.get_by_text("A private key is shown only once")).to_be_in_viewport()
    assert not PublicKey.objects.exists()
    setup.get_by_role("link", name="Return to Setup").click()
    setup.get_by_label(ENCRYPT).check()
    choose_fields(setup, "email")
    generate(setup)
    expect(setup.get_by_text("A private key is shown only once")).to_be_hidden()


@pytest.mark.parametrize("button", ["Generate Encryption Keys", "Create destination"])
def test_what_the_server_could_not_do_is_said_and_nothing_typed_is_lost(setup: Page, button: str) -> None:
    if button == "Create destination":
        setup.get_by_label(ENCRYPT).uncheck()
    setup.context.set_offline(True)
    setup.get_by_role("button", name=button).click()
    expect(setup.get_by_text("The server could not be reached.")).to_be_in_viewport()
    setup.context.set_offline(False)
    setup.route("**/setup/**", lambda route: route.fulfill(status=503))
    setup.get_by_role("button", name=button).click()
    expect(setup.get_by_text("The server could not do this.")).to_be_in_viewport()
    setup.unroute_all()
    Draft.objects.all().delete()
    setup.get_by_role("button", name=button).click()
    expect(setup.get_by_text("This setup is no longer there.")).to_be_in_viewport()
    expect(setup.get_by_label("Webhook URL")).to_have_value(URL)


def test_an_expired_setup_says_so(setup: Page, dialogs: list[str]) -> None:
    choose_fields(setup, "email")
    generate(setup)
    Draft.objects.update(touched_at=timezone.now() - timedelta(days=1))
    setup.get_by_role("button", name="Regenerate Encryption Keys").click()
    expect(setup.get_by_role("heading", name="This setup has expired")).to_be_visible()
    assert dialogs == []
    setup.get_by_role("button", name="Start again").click()
    expect(setup.get_by_role("heading", name="Select data source")).to_be_visible()
