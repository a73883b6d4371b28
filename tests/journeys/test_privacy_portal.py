"""From a custom matcher to a blocked field: Chromium, Segment's Python SDK, the product's own processes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from segment.analytics import Client

from tests.journeys.test_first_event import sign_in, stored_bytes
from tests.product import Product, running_product, wait_until

SEEN, BLOCKED, BESIDE = "canary-seen-4711", "canary-blocked-0815", "canary-beside-2342"
SOURCE = "Clinic server"
PORTAL = "/acme-health/privacy"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running_product(tmp_path_factory.mktemp("portal")) as started:
        yield started


def send(product: Product, demo: dict[str, Any], badge: str, **properties: str) -> None:
    client = Client(demo["write_key"], host=product.url)
    client.track("patient-1", "Ward Entered", {"wardPass": badge, **properties})
    client.shutdown()


def make_matcher(page: Page, product: Product) -> None:
    page.goto(f"{product.url}{PORTAL}/detection")
    page.get_by_role("link", name="Add a Custom Matcher").click()
    dialog = page.get_by_role("dialog", name="New Matcher")
    dialog.get_by_label("Matcher Name").fill("staff badge")
    dialog.get_by_label("Exactly").check()
    synonyms = dialog.get_by_role("textbox", name="Synonyms")
    for synonym in ("badge no", "ward pass"):
        synonyms.fill(synonym)
        synonyms.press("Enter")
    dialog.get_by_label("Test JSON").fill('{"wardPass": "x", "ward": "north"}')
    expect(dialog.locator("#trial").get_by_text("1 match", exact=True)).to_be_visible()
    assert dialog.locator("mark").all_text_contents() == ["wardPass"]
    dialog.get_by_role("button", name="Save Matcher").click()
    expect(page.get_by_role("heading", name="staff badge")).to_be_visible()


def classify_what_appears(page: Page, product: Product, demo: dict[str, Any]) -> None:
    page.goto(f"{product.url}{PORTAL}/inbox?q=wardPass")
    send(product, demo, SEEN)
    row = page.get_by_role("listitem").filter(has_text="wardPass")
    expect(row).to_be_visible(timeout=30_000)  # without a reload
    expect(row.get_by_label("Classification of wardPass: Red")).to_be_visible()
    row.get_by_role("button", name="wardPass", exact=True).click()
    expect(row).to_contain_text("staff badge")
    row.get_by_role("button", name="Add wardPass to Inventory").click()
    expect(page.get_by_text("wardPass is in the inventory as Red.")).to_be_visible()


def block_it(page: Page, product: Product) -> None:
    page.goto(f"{product.url}{PORTAL}/settings/controls")
    page.get_by_role("button", name=f"Block red fields of {SOURCE}").click()
    expect(page.get_by_text(f"Red fields of {SOURCE} are blocked")).to_be_visible()
    page.wait_for_timeout(6_000)  # the Tracking API hears of it within five seconds


def test_from_a_matcher_to_a_blocked_field(page: Page, product: Product) -> None:
    demo = product.demo()
    sign_in(page, product, demo)
    make_matcher(page, product)
    classify_what_appears(page, product, demo)
    block_it(page, product)
    send(product, demo, BLOCKED, besideIt=BESIDE)

    page.goto(f"{product.url}{PORTAL}/settings/controls")
    page.get_by_role("link", name=SOURCE).click()
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_role("heading", name=SOURCE)).to_be_visible()
    counted = sheet.get_by_role("row", name=re.compile(r"wardPass\s+1"))

    def is_counted() -> bool:
        page.reload()
        page.get_by_role("link", name=SOURCE).click()
        expect(sheet.get_by_role("heading", name=SOURCE)).to_be_visible()
        return counted.is_visible()

    wait_until(is_counted, what="the worker has counted what was blocked")
    page.goto(f"{product.url}{PORTAL}/inbox?q=besideIt")
    expect(page.get_by_role("listitem").filter(has_text="besideIt")).to_be_visible(timeout=30_000)
    for name, content in stored_bytes(product):
        for canary in (SEEN, BLOCKED, BESIDE):
            assert canary.encode() not in content, name
