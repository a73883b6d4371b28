"""From the inbox to an encrypted field: Chromium, Segment's Python SDK, a customer's endpoint, OpenSSL."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from segment.analytics import Client

from tests.journeys.capture import Capture, capturing
from tests.journeys.test_first_event import generate, opened, sign_in, stored_bytes, walk_to_setup
from tests.product import Product, running_product, wait_until

FIELD = "chartCode"  # no matcher knows it
CANARY = "canary-chart-4711"
TAKES_EFFECT = 90.0  # seconds; documented are 60


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running_product(tmp_path_factory.mktemp("encryption")) as started:
        yield started


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Capture]:
    with capturing() as capture:
        yield capture


def send(product: Product, write_key: str, number: int) -> None:
    client = Client(write_key, host=product.url)
    client.track(f"patient-{number}", "Chart Opened", {FIELD: f"{CANARY}-{number}"})
    client.shutdown()


def received(endpoint: Capture) -> dict[int, str]:
    """The field's value in each event that arrived, by the event's number."""
    return {
        int(event["userId"].removeprefix("patient-")): event["properties"][FIELD]
        for event in endpoint.events
        if event.get("event") == "Chart Opened"
    }


def make_destination(page: Page, endpoint: Capture) -> None:
    """A webhook that is sent everything in clear."""
    walk_to_setup(page)
    page.get_by_label("Name", exact=False).first.fill("Research webhook")
    page.get_by_label("Webhook URL").fill(endpoint.url)
    page.get_by_role("switch", name="Enable Destination").check()
    page.get_by_role("button", name="Create destination").click()
    expect(page.get_by_role("heading", name="Research webhook")).to_be_visible()


def classify_as_yellow(page: Page, product: Product) -> None:
    page.goto(f"{product.url}/acme-health/privacy/inbox?q={FIELD}")
    row = page.get_by_role("listitem").filter(has_text=FIELD)
    expect(row).to_be_visible(timeout=30_000)
    row.get_by_label(f"Classification of {FIELD}: Green").click()
    row.get_by_role("button", name="Yellow").click()
    expect(row.get_by_label(f"Classification of {FIELD}: Yellow")).to_be_visible()
    row.get_by_role("button", name=f"Add {FIELD} to Inventory").click()
    expect(page.get_by_text(f"{FIELD} is in the inventory as Yellow.")).to_be_visible()


def encrypt_it(page: Page, product: Product) -> str:
    """Choose the field on the Data Encryption tab, where it was not offered before; the private key."""
    page.goto(f"{product.url}/acme-health/destinations")
    page.get_by_role("link", name="Research webhook").first.click()
    page.get_by_role("link", name="Data Encryption").click()
    page.get_by_label("Have Segment encrypt sensitive data").check()
    box = page.get_by_role("combobox", name="Fields")
    box.fill(FIELD)
    page.get_by_role("option", name=re.compile(rf"^{FIELD}\s*Covers {FIELD}$")).click()
    page.keyboard.press("Escape")
    private_key = generate(page)
    page.get_by_label("I have stored my private key").check()
    with page.expect_navigation():
        page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.get_by_text("Your changes are saved.")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile(rf"^{FIELD}"))).to_be_visible()
    return private_key


def arriving(product: Product, write_key: str, endpoint: Capture, number: int) -> str:
    """Send an event; the field's value as it comes to the endpoint."""
    send(product, write_key, number)
    return str(wait_until(lambda: received(endpoint).get(number), what=f"event {number} is at the endpoint"))


def first_encrypted(product: Product, write_key: str, endpoint: Capture) -> int:
    """Send one event after another until the change has taken effect; the number of the first that came encrypted."""
    end, number = time.monotonic() + TAKES_EFFECT, 2
    while arriving(product, write_key, endpoint, number).startswith(CANARY):
        assert time.monotonic() < end, "the field still leaves in clear"
        number += 1
        time.sleep(1)
    return number


def test_from_the_inbox_to_an_encrypted_field(page: Page, product: Product, endpoint: Capture, tmp_path: Path) -> None:
    demo = product.demo()
    sign_in(page, product, demo)
    make_destination(page, endpoint)
    assert arriving(product, demo["write_key"], endpoint, 1) == f"{CANARY}-1"

    classify_as_yellow(page, product)
    private_key = encrypt_it(page, product)
    key_file = tmp_path / "key.pem"
    key_file.write_text(private_key)

    first = first_encrypted(product, demo["write_key"], endpoint)
    for number in range(first + 1, first + 4):
        assert opened(arriving(product, demo["write_key"], endpoint, number), key_file) == f"{CANARY}-{number}"
    assert opened(received(endpoint)[first], key_file) == f"{CANARY}-{first}"
    for name, content in stored_bytes(product):
        assert CANARY.encode() not in content, name
