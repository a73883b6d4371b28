"""Data Encryption in Chromium: enabled, regenerated, edited, turned off; keys made in the browser, or brought along."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, expect
from pytest_django.live_server_helper import LiveServer

from audit.models import AuditRow
from destinations.encryption.keys import generate_key_pair
from destinations.models import Destination, PublicKey
from tests.browsing import assert_accessible, choose_fields, complaints, generate, sign_in
from tests.destinations.factories import FINGERPRINT, URL, DestinationFactory, encrypt_for
from tests.destinations.making import BASE, assert_gone, draft_at_setup, stored_bytes
from workspaces.models import Source, User

ENCRYPT = "Have Segment encrypt sensitive data"
STORED = "I have stored my private key"
IN_BROWSER = "Generate in this browser: the private key never reaches the server"
OWN = "Use my own public key"


@pytest.fixture
def reports(page: Page) -> list[str]:
    return complaints(page)


@pytest.fixture
def crm(source: Source) -> Destination:
    return DestinationFactory(source=source, name="CRM")


@pytest.fixture
def tab(page: Page, live_server: LiveServer, alice: User, crm: Destination, reports: list[str]) -> Page:
    """The tab of a destination that is not encrypted for; questions of the browser are answered with yes."""
    sign_in(page, live_server, alice)
    page.on("dialog", Dialog.accept)
    page.goto(f"{live_server.url}{BASE}/{crm.pk}/encryption")
    return page


def of_pem(private: str, folder: Path) -> str:
    """The public half, as openssl gives it."""
    (folder / "key.pem").write_text(private)
    command = ["openssl", "pkey", "-in", str(folder / "key.pem"), "-pubout"]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def prepare(page: Page, *fields: str, origin: str = "") -> None:
    page.get_by_label(ENCRYPT).check()
    choose_fields(page, *fields)
    page.keyboard.press("Escape")
    if origin:
        page.get_by_role("radio", name=origin).check()
    else:
        page.get_by_label("Key size").select_option("2048")


def save(page: Page, button: str, *, stored: bool = True) -> None:
    if stored:
        page.get_by_label(STORED).check()
    with page.expect_navigation():
        page.get_by_role("button", name=button, exact=True).last.click()
    expect(page.get_by_text("Your changes are saved.")).to_be_visible()


def test_enable_edit_regenerate_turn_off(tab: Page, crm: Destination, reports: list[str], tmp_path: Path) -> None:
    # B: on an existing destination
    prepare(tab, "email", "phone")
    expect(tab.get_by_role("button", name="Save", exact=True).last).to_be_disabled()
    first = generate(tab)
    expect(tab.get_by_text("Private Key is not recoverable")).to_be_visible()
    assert_accessible(tab, "a pair on the tab")
    save(tab, "Save")
    key = Destination.objects.get().public_key
    assert key.pem == of_pem(first, tmp_path)
    # D, fields: one goes, one comes
    tab.get_by_role("button", name="Remove phone").click()
    choose_fields(tab, "medication")
    tab.keyboard.press("Escape")
    save(tab, "Save Changes", stored=False)
    assert sorted(field.reference for field in crm.encrypted_fields.all()) == ["email", "medication"]
    # C, keys: left, then regenerated and saved
    tab.get_by_label("Key size").select_option("2048")
    dropped = generate(tab)
    tab.reload()
    expect(tab.get_by_text("The key pair you generated was dropped")).to_be_visible()
    assert Destination.objects.get().public_key == key
    tab.get_by_label("Key size").select_option("2048")
    second = generate(tab)
    assert Destination.objects.get().public_key == key
    save(tab, "Save Changes")
    assert Destination.objects.get().public_key.pem == of_pem(second, tmp_path) != of_pem(dropped, tmp_path)
    expect(tab.get_by_role("region", name="Key history").get_by_role("row")).to_have_count(3)
    assert_accessible(tab, "the tab with history")
    # E: asked, cancelled, confirmed
    tab.get_by_label(ENCRYPT).uncheck()
    expect(tab.get_by_role("dialog", name="Turn off data encryption?")).to_be_visible()
    tab.get_by_role("link", name="Cancel").click()
    expect(tab.get_by_label(ENCRYPT)).to_be_checked()
    tab.get_by_label(ENCRYPT).uncheck()
    tab.get_by_role("button", name="Confirm").click()
    tab.get_by_text("Data encryption is turned off").wait_for()
    assert not Destination.objects.get().encrypts
    assert PublicKey.objects.count() == 2
    assert reports == []


@pytest.mark.django_db(transaction=True)
def test_a_pair_made_in_the_browser_never_reaches_the_server(
    tab: Page, crm: Destination, reports: list[str], tmp_path: Path
) -> None:
    sent: list[str] = []
    tab.on("request", lambda request: sent.append(request.post_data or ""))
    prepare(tab, "email", origin=IN_BROWSER)
    tab.get_by_label("Key size").select_option("2048")
    private = generate(tab)
    assert private.startswith("-----BEGIN PRIVATE KEY-----\n")
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Download Private Key").click()
    download.value.save_as(tmp_path / "saved.pem")
    tab.get_by_text("Check that you have stored it").click()
    tab.get_by_label("Or paste the private key").fill(generate_key_pair(2048).private_pem)
    tab.get_by_role("button", name="Check the key").click()
    expect(tab.get_by_text("This is not the private key of this pair")).to_be_visible()
    tab.get_by_label("Stored key file").set_input_files(tmp_path / "saved.pem")
    tab.get_by_role("button", name="Check the key").click()
    expect(tab.get_by_text("Proved: the key you stored decrypts")).to_be_visible()
    expect(tab.get_by_label(STORED)).to_be_checked()
    save(tab, "Save")
    key = Destination.objects.get().public_key
    assert (key.origin, key.pem, key.proved_at is not None) == ("browser", of_pem(private, tmp_path), True)
    assert AuditRow.objects.filter(event_type="Data Encryption Keys Proved").count() == 1
    assert_gone(private, *sent, stored_bytes(), tab.content())
    assert reports == []


def test_ones_own_public_key_and_a_private_one_by_mistake(
    tab: Page, crm: Destination, reports: list[str], tmp_path: Path
) -> None:
    sent: list[str] = []
    tab.on("request", lambda request: sent.append(request.post_data or ""))
    own = generate_key_pair(3072)
    prepare(tab, "email", origin=OWN)
    tab.get_by_label("Public key", exact=True).fill(own.private_pem)
    expect(tab.get_by_text("That was a private key. It was removed and not sent.")).to_be_visible()
    expect(tab.get_by_label("Public key", exact=True)).to_have_value("")
    (tmp_path / "own.pem").write_text(own.public_pem)
    tab.locator("[data-key-file]").set_input_files(tmp_path / "own.pem")
    expect(tab.get_by_label("Public key", exact=True)).to_have_value(own.public_pem)
    tab.get_by_role("button", name="Use This Public Key").click()
    expect(tab.get_by_text("Your public key is checked")).to_be_visible()
    save(tab, "Save")
    assert Destination.objects.get().public_key.pem == own.public_pem
    assert_gone(own.private_pem, *sent)
    assert reports == []


def test_without_scripts_the_question_is_a_page(
    page: Page, live_server: LiveServer, alice: User, crm: Destination, browser
) -> None:
    encrypt_for(crm, "email")
    sign_in(page, live_server, alice)
    context = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    plain = context.new_page()
    plain.goto(f"{live_server.url}{BASE}/{crm.pk}/encryption")
    expect(plain.get_by_text(FINGERPRINT).first).to_be_visible()
    plain.get_by_label(ENCRYPT).uncheck()
    plain.get_by_role("button", name="Save Changes").click()
    expect(plain.get_by_text("Turn off data encryption?")).to_be_visible()
    assert Destination.objects.get().encrypts
    plain.get_by_role("button", name="Confirm").click()
    expect(plain.get_by_text("Data encryption is turned off")).to_be_visible()
    context.close()
    assert not Destination.objects.get().encrypts


def test_the_wizard_takes_a_pair_made_in_the_browser(
    page: Page, live_server: LiveServer, alice: User, source: Source, reports: list[str], tmp_path: Path
) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    sign_in(page, live_server, alice)
    page.goto(f"{live_server.url}{BASE}/setup/{draft_at_setup(source, alice).pk}/settings")
    page.get_by_label("Name", exact=False).first.fill("Care team")
    page.get_by_label("Webhook URL").fill(URL)
    prepare(page, "email", origin=IN_BROWSER)
    page.get_by_label("Key size").select_option("2048")
    private = generate(page)
    page.get_by_label(STORED).check()
    page.get_by_role("button", name="Create destination").click()
    expect(page.get_by_text("is created, disabled.")).to_be_visible()
    key = Destination.objects.get().public_key
    assert (key.origin, key.pem) == ("browser", of_pem(private, tmp_path))
    assert_gone(private, *sent)
    assert reports == []
