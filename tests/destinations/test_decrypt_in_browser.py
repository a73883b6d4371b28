"""Decrypt in your browser, in Chromium: values and payloads, old and new keys, and that nothing is sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from destinations.encryption.cipher import ValueCipher
from destinations.encryption.keys import KeyPair, generate_key_pair
from tests.browsing import assert_accessible, complaints
from tests.destinations.factories import PAIR
from tests.destinations.opening import VECTORS


@pytest.fixture
def opened(page: Page, live_server: LiveServer) -> Page:
    """The page, loaded, and from then on without a network."""
    page.goto(f"{live_server.url}/decrypt")
    expect(page.get_by_role("button", name="Decrypt")).to_be_enabled()
    page.context.set_offline(True)
    return page


def decrypt(page: Page, values: str) -> None:
    page.get_by_label("Encrypted values or payloads").fill(values)
    page.get_by_role("button", name="Decrypt").click()


def encrypted(pair: KeyPair, text: str) -> str:
    return ValueCipher(pair.public_pem).encrypt(text.encode())


def test_a_payload_of_old_and_new_keys_is_opened_offline(opened: Page, tmp_path: Path) -> None:
    reports, asked = complaints(opened), []
    opened.on("request", lambda request: asked.append(request.url))
    old = generate_key_pair(3072)
    files = []
    for name, pair in (("new", PAIR), ("old", old)):
        files.append(tmp_path / f"{name}.pem")
        files[-1].write_text(pair.private_pem)
    opened.get_by_label("Private key files").set_input_files(files)
    event = {
        "type": "track",
        "properties": {"email": encrypted(PAIR, "Zoë"), "note": encrypted(old, "n" * 400), "n": 1},
    }
    decrypt(opened, json.dumps(event))
    expect(opened.get_by_text("2 decrypted, 0 that no key opens.")).to_be_visible()
    assert json.loads(opened.locator("#plain").inner_text()) == {
        "type": "track",
        "properties": {"email": "Zoë", "note": "n" * 400, "n": 1},
    }
    opened.get_by_role("button", name="Clear").click()
    expect(opened.locator("#plain")).to_have_text("")
    assert (reports, asked) == ([], [])


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_the_vectors_open_in_the_browser(opened: Page, bits: int) -> None:
    kept = json.loads((VECTORS / f"rsa{bits}.json").read_text())
    opened.get_by_label("or paste private keys").fill(kept["test_only_private_pem"])
    decrypt(opened, "\n".join(case["encrypted"] for case in kept["cases"]))
    expect(opened.get_by_text(f"{len(kept['cases'])} decrypted, 0 that no key opens.")).to_be_visible()


def test_mistakes_are_said(opened: Page, live_server: LiveServer) -> None:
    decrypt(opened, "abc")
    expect(opened.get_by_text("Choose or paste your private key")).to_be_visible()
    box = opened.get_by_label("or paste private keys")
    box.fill("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----")
    decrypt(opened, "abc")
    expect(opened.get_by_text("This key is PKCS#1. Turn it into PKCS#8 first")).to_be_visible()
    box.fill("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----")
    decrypt(opened, "abc")
    expect(opened.get_by_text("The private key cannot be read.")).to_be_visible()
    box.fill(PAIR.private_pem)
    decrypt(opened, encrypted(generate_key_pair(2048), "x"))
    expect(opened.get_by_text("0 decrypted, 1 that no key opens.")).to_be_visible()
    opened.context.set_offline(False)
    assert_accessible(opened, "decrypt")
