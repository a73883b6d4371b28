"""Every destination page in Chromium, in every state: no axe finding, no report, nothing wider than a phone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from destinations.models import Attempt, Delivery, DeliveryCount, DeliveryNameCount, Destination, Draft
from tests.browsing import assert_accessible, choose_fields, complaints, generate, sign_in
from tests.destinations.factories import DestinationFactory, encrypt_for
from tests.destinations.making import BASE, draft_at_setup
from tests.factories import SourceFactory
from workspaces.models import EventCount, Source, User

ENCRYPT = "Have Segment encrypt sensitive data"


@pytest.fixture
def reports(page: Page) -> list[str]:
    return complaints(page)


@pytest.fixture
def signed_in(page: Page, live_server: LiveServer, alice: User) -> Page:
    sign_in(page, live_server, alice)
    return page


@pytest.fixture
def crm(live_server: LiveServer, source: Source) -> Destination:
    """An encrypted destination with a secret, tries of every kind, a dead letter and a held event."""
    made = encrypt_for(DestinationFactory(source=source, name="C" * 100, shared_secret="s3cr3t"), "email", "phone")
    now = timezone.now()
    facts = {"destination": made, "message_id": "m" * 40, "event_type": "track", "received_at": now}
    for status_code, code in ((200, ""), (401, "errors.discarded.401"), (None, "errors.awaiting-retry.ECONNREFUSED")):
        Attempt.objects.create(**facts, number=1, tried_at=now, duration_ms=12345, status_code=status_code, code=code)
    facts |= {"workspace": made.workspace, "log_partition": 0, "log_position": 1, "log_place": 0}
    Delivery.objects.create(**facts, status="dead", reason="errors.discarded.401")
    Delivery.objects.create(**facts, status="held", reason="FAILED_DATA_ENCRYPTION")
    return made


def test_pages_of_a_destination(signed_in: Page, live_server: LiveServer, crm: Destination, reports: list[str]) -> None:
    pages = ["", "?q=nothing", "/catalog", "/catalog?q=fax", "/catalog/webhooks"]
    pages += [f"/{crm.pk}/{tab}" for tab in ("delivery", "encryption", "settings")]
    for path in pages:
        signed_in.goto(f"{live_server.url}{BASE}{path}")
        assert_accessible(signed_in, path)
    signed_in.get_by_label("Webhook URL").fill("")
    signed_in.get_by_role("button", name="Save Changes").click()
    expect(signed_in.get_by_text("This field is required.")).to_be_visible()
    assert_accessible(signed_in, "settings with an error")
    assert reports == []


def test_a_reason_opens_beside_the_overview(
    signed_in: Page, live_server: LiveServer, crm: Destination, reports: list[str]
) -> None:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    EventCount.objects.create(source=crm.source, hour=hour, event_type="track", outcome="received", count=9)
    ended = {"destination": crm, "event_type": "track", "outcome": "FILTERED_BY_RULES", "count": 2}
    DeliveryCount.objects.create(hour=hour, **ended)
    DeliveryNameCount.objects.create(since=hour, event="Visit Booked", **ended)
    signed_in.goto(f"{live_server.url}{BASE}/{crm.pk}/overview")
    assert_accessible(signed_in, "overview")
    signed_in.get_by_role("link", name="Filtered at destination").click()
    signed_in.get_by_role("link", name="Event name").click()
    expect(signed_in.get_by_role("rowheader", name="Visit Booked")).to_be_visible()
    assert_accessible(signed_in, "overview by name")
    signed_in.get_by_role("link", name="View samples: Filtered by rules").press("Enter")
    sheet = signed_in.get_by_role("dialog")
    expect(sheet.get_by_role("heading", name="Filtered by rules")).to_be_focused()
    expect(sheet).to_contain_text("2 events, 22.2% of received.")
    assert_accessible(signed_in, "a reason in the sheet")
    signed_in.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    signed_in.goto(f"{live_server.url}{BASE}/{crm.pk}/overview/reason?reason=FILTERED_BY_RULES")
    assert_accessible(signed_in, "a reason on a page of its own")
    signed_in.goto(f"{live_server.url}/acme-health/sources/{crm.source.slug}/overview?by=name")
    assert_accessible(signed_in, "overview of the source")
    assert reports == []


def test_pages_where_there_is_nothing_yet(
    signed_in: Page, live_server: LiveServer, source: Source, reports: list[str]
) -> None:
    signed_in.goto(f"{live_server.url}{BASE}")
    assert_accessible(signed_in, "empty list")
    plain = DestinationFactory(source=source)
    for tab in ("overview", "delivery", "encryption"):
        signed_in.goto(f"{live_server.url}{BASE}/{plain.pk}/{tab}")
        assert_accessible(signed_in, f"{tab} with nothing")
    assert reports == []


def test_pages_of_the_wizard(
    signed_in: Page, live_server: LiveServer, source: Source, alice: User, reports: list[str]
) -> None:
    page, draft = signed_in, draft_at_setup(source, alice)
    SourceFactory(workspace=source.workspace)
    Draft.objects.update(source=None)
    page.goto(f"{live_server.url}{BASE}/setup/{draft.pk}/source")
    assert_accessible(page, "select data source")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("Choose a source.")).to_be_visible()
    assert_accessible(page, "no source chosen")
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", name="Setup")).to_be_visible()
    assert_accessible(page, "setup")
    page.get_by_role("button", name="Create destination").click()
    expect(page.get_by_text("This field is required.")).to_be_visible()
    assert_accessible(page, "setup with an error")
    page.get_by_label(ENCRYPT).check()
    choose_fields(page, "email", "phone")
    expect(page.get_by_role("option", name="address", exact=True)).to_be_visible()
    assert_accessible(page, "open list of fields")
    page.get_by_role("combobox", name="Fields").fill("fax")
    expect(page.get_by_role("option", name="No field is called that")).to_be_visible()
    assert_accessible(page, "list of fields without a match")
    page.get_by_label("Key size").select_option("2048")
    generate(page)
    assert_accessible(page, "private key")
    page.get_by_label("I have stored my private key").check()
    page.get_by_role("button", name="Create destination").click()
    expect(page.get_by_text("This field is required.")).to_be_visible()
    assert_accessible(page, "private key and an error")
    assert reports == []


def test_pages_that_end_the_wizard(
    signed_in: Page, live_server: LiveServer, source: Source, alice: User, reports: list[str]
) -> None:
    draft = draft_at_setup(source, alice)
    signed_in.goto(f"{live_server.url}{BASE}/setup/{draft.pk}/keys")
    expect(signed_in.get_by_text("A private key is shown only once")).to_be_visible()
    assert_accessible(signed_in, "gone")
    Draft.objects.update(touched_at=timezone.now() - timedelta(days=1))
    signed_in.goto(f"{live_server.url}{BASE}/setup/{draft.pk}/settings")
    expect(signed_in.get_by_role("heading", name="This setup has expired")).to_be_visible()
    assert_accessible(signed_in, "expired")
    assert reports == []
