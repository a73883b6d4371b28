"""The main job, end to end: wizard in Chromium, Segment's Python SDK, a customer's endpoint, OpenSSL."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Page, expect
from psycopg import sql
from segment.analytics import Client

from tests.journeys.capture import Capture, capturing
from tests.product import Product, running_product, wait_until
from tests.second_factor import code_now

EVENTS = 200
SECRET = "Grüße-7f3a-秘密-🩺"
CHOSEN = ("email", "phone", "diagnosis")
OPENSSL = (
    "openssl base64 -d -A | openssl pkeyutl -decrypt -inkey {key} -pkeyopt rsa_padding_mode:oaep"
    " -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256"
)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running_product(tmp_path_factory.mktemp("first-event")) as started:
        yield started


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Capture]:
    with capturing() as capture:
        yield capture


def sign_in(page: Page, product: Product, demo: dict[str, Any]) -> None:
    """Password, then the code an authenticator app would show."""
    page.goto(product.url)
    page.get_by_label("Email").fill(demo["email"])
    page.get_by_label("Password").fill(demo["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("textbox").first.fill(code_now(demo["totp_secret"]))
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Acme Health")).to_be_visible()


def walk_to_setup(page: Page) -> None:
    page.get_by_role("link", name="Destinations", exact=True).click()
    page.get_by_role("link", name="Add destination").click()
    page.get_by_role("link", name="Configure Webhooks").click()
    page.get_by_role("button", name="Add destination").click()
    expect(page.get_by_role("heading", name="Select data source")).to_be_visible()
    page.get_by_role("radio", name=re.compile("Clinic server")).check()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", name="Setup")).to_be_visible()


def answer_setup(page: Page, endpoint: Capture) -> None:
    page.get_by_label("Name", exact=False).first.fill("Research webhook")
    page.get_by_label("Webhook URL").fill(endpoint.url)
    page.get_by_role("switch", name="Enable Destination").check()
    page.get_by_label("Have Segment encrypt sensitive data").check()
    box = page.get_by_role("combobox", name="Fields")
    for field in CHOSEN:
        box.fill(field)
        page.get_by_role("option", name=re.compile(rf"^{field}(\s*Covers .*)?$")).click()


def generate(page: Page) -> str:
    page.get_by_role("button", name=re.compile("enerate Encryption Keys")).click()
    shown = page.locator("#private-key-pem")
    expect(shown).to_be_visible()
    expect(page.get_by_text("Private Key is not recoverable")).to_be_visible()
    return str(shown.text_content())


def event_of(number: int) -> dict[str, Any]:
    return {
        "email": f"{SECRET}-{number}@example.com",
        "patient": {
            "Phone": f"+49 30 {number:06d} {SECRET}",
            "visits": [{"diagnosis": f"{SECRET} {number}", "room": number}],
        },
        "clinic": f"Nord Ω {number}",
        "tags": ["überweisung", number, None, True],
    }


def send_events(product: Product, write_key: str) -> None:
    client = Client(write_key, host=product.url)
    for number in range(EVENTS):
        client.track(f"patient-{number}", "Visit Bööked", event_of(number))
    client.shutdown()


def opened(value: str, key_file: Path) -> str:
    command = OPENSSL.format(key=key_file)
    return subprocess.run(
        ["bash", "-c", command], input=value.encode(), capture_output=True, check=True
    ).stdout.decode()


def stored_bytes(product: Product) -> Iterator[tuple[str, bytes]]:
    """Everything the product has written: database, event log, generated files, printed lines."""
    data = Path(product.environment["DATA_DIR"])
    for path in data.rglob("*"):
        if path.is_file() and path.parent.name != "receiver":
            yield str(path), path.read_bytes()
    yield str(product.log), product.log.read_bytes()
    if url := product.environment.get("DATABASE_URL"):
        with psycopg.connect(url) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            for (table,) in tables:
                with connection.cursor().copy(
                    sql.SQL("COPY (SELECT * FROM {}) TO STDOUT").format(sql.Identifier(table))
                ) as copy:
                    yield table, b"".join(bytes(part) for part in copy)


def test_from_the_wizard_to_a_decrypted_field(page: Page, product: Product, endpoint: Capture, tmp_path: Path) -> None:
    demo = product.demo()
    sign_in(page, product, demo)
    walk_to_setup(page)
    answer_setup(page, endpoint)
    dropped = generate(page)

    page.reload()
    assert dropped not in page.content()
    expect(page.get_by_text("The key pair you generated was dropped")).to_be_visible()
    private_key = generate(page)
    assert private_key != dropped

    page.get_by_label("I have stored my private key").check()
    page.get_by_role("button", name="Create destination").click()
    expect(page.get_by_role("heading", name="Research webhook")).to_be_visible()
    page.get_by_role("link", name="Data Encryption").click()
    expect(page.get_by_text("Sensitive data is encrypted")).to_be_visible()
    assert private_key not in page.content()

    send_events(product, demo["write_key"])
    wait_until(lambda: len(endpoint.requests) >= EVENTS, what="every event is at the endpoint")
    assert len(endpoint.message_ids()) == len(set(endpoint.message_ids())) == EVENTS

    key_file = tmp_path / "key.pem"
    key_file.write_text(private_key)
    for headers, event in endpoint.requests:
        number = int(event["userId"].removeprefix("patient-"))
        properties = event["properties"]
        patient = properties["patient"]
        patient["Phone"] = opened(patient["Phone"], key_file)
        patient["visits"][0]["diagnosis"] = opened(patient["visits"][0]["diagnosis"], key_file)
        properties["email"] = opened(properties["email"], key_file)
        assert properties == event_of(number)
        assert event["event"] == "Visit Bööked"
        assert headers["X-Message-Id"] == event["messageId"]

    key_line = private_key.splitlines()[3].encode()
    for name, content in stored_bytes(product):
        assert key_line not in content, name
        assert dropped.splitlines()[3].encode() not in content, name
        for plain in (SECRET, json.dumps(SECRET)[1:-1], "Nord Ω", "Nord \\u03a9", "berweisung"):
            assert plain.encode() not in content, name
