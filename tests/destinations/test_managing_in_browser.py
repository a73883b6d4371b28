"""A destination's life in Chromium: added from the catalog, listed, given another's settings, deleted by its name."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from destinations import connections
from destinations.catalog.registry import CONNECTORS
from destinations.models import Destination
from destinations.settings_store import seal_settings
from tests.browsing import assert_accessible, complaints, follow, sign_in
from tests.destinations.factories import DestinationFactory
from tests.destinations.making import BASE
from workspaces.models import Source, User

STORED = {"api_key": "k3y-of-another", "region": "eu", "proxy_url": ""}


@pytest.fixture
def reports(page: Page) -> list[str]:
    return complaints(page)


@pytest.fixture
def signed_in(page: Page, live_server: LiveServer, alice: User) -> Page:
    sign_in(page, live_server, alice)
    return page


def test_a_destination_from_the_catalog_to_its_end(
    signed_in: Page, live_server: LiveServer, source: Source, reports: list[str]
) -> None:
    page, list_url = signed_in, f"{live_server.url}{BASE}"
    other = DestinationFactory(source=source, kind="amplitude", name="Study")
    other.sealed_settings = seal_settings(STORED, owner_id=other.pk)
    other.save()

    page.goto(f"{list_url}/catalog")
    page.get_by_role("link", name="Configure Amplitude").click()
    page.get_by_role("button", name="Add destination").click()
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Name").fill("Portal analytics")
    page.get_by_label("API Key").fill("typed-key")
    page.get_by_role("button", name="Create destination").click()
    expect(page.get_by_text("Portal analytics is created, disabled.")).to_be_visible()

    page.goto(list_url)
    page.get_by_text("Columns", exact=True).first.click()
    page.get_by_label("Type", exact=True).check()
    assert_accessible(page, "column chooser")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("cell", name="Cloud-mode")).to_have_count(2)

    page.get_by_role("link", name="Portal analytics").click()
    page.get_by_role("link", name="Settings", exact=True).click()
    expect(page.get_by_label("API Key")).to_have_value("")
    follow(page, page.get_by_role("link", name="Copy Settings"))
    assert_accessible(page, "copy settings")
    page.get_by_label(f"Study (source {source.name})").check()
    page.get_by_role("button", name="Copy Settings").click()
    expect(page.get_by_text("The settings of Study are copied.")).to_be_visible()
    assert "k3y-of-another" not in page.content()
    made = Destination.objects.get(name="Portal analytics")
    assert connections.settings_of(made) == STORED

    page.get_by_role("link", name="Delete Destination").click()
    page.get_by_label("Name of the destination").fill("portal analytics")
    page.get_by_role("button", name="Delete Destination").click()
    expect(page.get_by_text("Type the destination's name as it stands above.")).to_be_visible()
    assert_accessible(page, "delete with an error")
    page.get_by_label("Name of the destination").fill("Portal analytics")
    page.get_by_role("button", name="Delete Destination").click()
    expect(page.get_by_text("Portal analytics is deleted.")).to_be_visible()
    assert Destination.objects.get() == other
    assert reports == []


def test_pages_of_every_kind(signed_in: Page, live_server: LiveServer, source: Source, reports: list[str]) -> None:
    for kind in sorted(CONNECTORS):
        signed_in.goto(f"{live_server.url}{BASE}/catalog/{kind}")
        assert_accessible(signed_in, kind)
    for kind in ("s3", "browser-plugin"):
        made = DestinationFactory(source=source, kind=kind)
        for tab in ("encryption", "settings"):
            signed_in.goto(f"{live_server.url}{BASE}/{made.pk}/{tab}")
            assert_accessible(signed_in, f"{tab} of {kind}")
    signed_in.goto(f"{live_server.url}{BASE}/storage-catalog")
    assert_accessible(signed_in, "storage catalog")
    assert reports == []


def test_the_eye_shows_a_secret_that_is_being_typed(
    signed_in: Page, live_server: LiveServer, source: Source, reports: list[str]
) -> None:
    made = DestinationFactory(source=source, shared_secret="0ld-s3cret")
    signed_in.goto(f"{live_server.url}{BASE}/{made.pk}/settings")
    secret, eye = signed_in.locator("[name$=shared_secret]"), signed_in.get_by_role("button", name="Show what is typed")
    secret.fill("n3w-s3cret")
    eye.click()
    assert (secret.get_attribute("type"), eye.get_attribute("aria-pressed")) == ("text", "true")
    assert_accessible(signed_in, "settings with a secret shown")
    eye.press("Enter")
    assert (secret.get_attribute("type"), eye.get_attribute("aria-pressed")) == ("password", "false")
    eye.click()
    signed_in.get_by_role("button", name="Save Changes").click()
    expect(signed_in.get_by_role("button", name="Show what is typed")).to_have_attribute("aria-pressed", "false")
    assert "s3cret" not in signed_in.content()
    made.refresh_from_db()
    assert connections.settings_of(made)["shared_secret"] == "n3w-s3cret"
    assert reports == []
