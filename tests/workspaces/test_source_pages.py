"""My Sources, the catalog, adding a source and its pages, as people in a browser use them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import AuditRow
from destinations.models import DeliveryCount, Destination
from tests.destinations.factories import DestinationFactory
from tests.destinations.reports.test_overview import cards
from tests.destinations.test_destination_pages import rows_of
from tests.factories import SourceFactory
from tests.queries import counted
from workspaces import write_keys
from workspaces.models import EventCount, Source, User, Workspace
from workspaces.sources import add_source

LIST = "/acme-health/sources"


@pytest.fixture
def portal(workspace: Workspace, alice: User) -> Source:
    return add_source(workspace, kind="javascript", name="Patient portal", actor=alice)


@pytest.fixture
def as_bob(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


def names(page: str) -> list[str]:
    return re.findall(r'/overview">([^<]+)</a>', page)


def page_of(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def event_types() -> list[str]:
    """What was done, but for signing in."""
    rows = AuditRow.objects.exclude(event_type="User Signed In").order_by("id")
    return list(rows.values_list("event_type", flat=True))


def test_an_empty_list_leads_to_the_catalog(as_alice: Client) -> None:
    page = page_of(as_alice, LIST)
    assert "No sources yet" in page
    assert 'href="/acme-health/sources/catalog">Add Source' in page


def test_the_list_is_one_audit_row(as_alice: Client, portal: Source) -> None:
    assert names(page_of(as_alice, LIST)) == ["Patient portal"]
    assert event_types() == ["Source Created", "Source List Viewed"]


def test_search_stands_in_the_address(as_alice: Client, workspace: Workspace) -> None:
    for name in ("Patient portal", "Clinic API", "Portal staging"):
        SourceFactory(workspace=workspace, name=name)
    assert names(page_of(as_alice, f"{LIST}?q=PORTAL")) == ["Patient portal", "Portal staging"]
    assert "No source has this in its name" in page_of(as_alice, f"{LIST}?q=fax")


@pytest.mark.parametrize(
    ("sort", "expected"),
    [("name", "AbC"), ("-name", "CbA"), ("category", "CAb"), ("created", "bCA")],
)
def test_sorting(as_alice: Client, workspace: Workspace, sort: str, expected: str) -> None:
    now = timezone.now()
    for name, kind, days in (("A", "http-api", 1), ("b", "javascript", 3), ("C", "ios", 2)):
        SourceFactory(workspace=workspace, name=name, kind=kind, created_at=now - timedelta(days=days))
    page = page_of(as_alice, f"{LIST}?sort={sort}")
    assert "".join(names(page)) == expected
    assert f'aria-sort="{"descending" if sort.startswith("-") else "ascending"}"' in page


def test_an_unknown_sort_falls_back_to_the_name(as_alice: Client, workspace: Workspace) -> None:
    SourceFactory(workspace=workspace, name="B")
    SourceFactory(workspace=workspace, name="A")
    assert names(page_of(as_alice, f"{LIST}?sort=password&page=x")) == ["A", "B"]


def test_a_nul_in_the_search_is_left_out(as_alice: Client, workspace: Workspace) -> None:
    SourceFactory(workspace=workspace, name="Ward")
    assert names(page_of(as_alice, f"{LIST}?q=%00ar%00")) == ["Ward"]


def test_fifty_to_a_page(as_alice: Client, workspace: Workspace) -> None:
    for number in range(51):
        SourceFactory(workspace=workspace, name=f"S{number:02}")
    first = page_of(as_alice, LIST)
    assert len(names(first)) == 50
    assert "1\u201350 of 51" in first
    assert names(page_of(as_alice, f"{LIST}?q=&sort=name&page=2")) == ["S50"]


def add_connected(workspace: Workspace, number: int) -> None:
    for name in map(str, range(number)):
        source = SourceFactory(workspace=workspace)
        Destination.objects.create(
            workspace=workspace, source=source, kind="webhooks", name=f"{source} {name}", sealed_settings=b""
        )


def queries_of(client: Client, url: str) -> int:
    with counted() as queries:
        page_of(client, url)
    return len(queries)


def test_queries_do_not_grow_with_rows(as_alice: Client, workspace: Workspace) -> None:
    add_connected(workspace, 2)
    page_of(as_alice, LIST)
    few = queries_of(as_alice, LIST)
    add_connected(workspace, 30)
    assert queries_of(as_alice, LIST) == few <= 19


def test_other_workspaces_sources_are_not_listed(as_alice: Client, charlie: User) -> None:
    SourceFactory(workspace=charlie.workspaces.get(), name="Hidden lab")
    assert "Hidden lab" not in page_of(as_alice, LIST)


def test_the_catalog_filters_by_name_and_category(as_alice: Client) -> None:
    cards = re.compile(r'card__name">([^<]+)<')
    assert cards.findall(page_of(as_alice, f"{LIST}/catalog?q=PY")) == ["Python"]
    mobile = cards.findall(page_of(as_alice, f"{LIST}/catalog?category=Mobile"))
    assert mobile == ["Apple (iOS)", "Kotlin (Android)", "Flutter", "React Native"]
    assert len(cards.findall(page_of(as_alice, f"{LIST}/catalog"))) == 13


def test_adding_a_source_from_the_catalog(as_alice: Client) -> None:
    assert 'href="/acme-health/sources/catalog/python/add"' in page_of(as_alice, f"{LIST}/catalog/python")
    response = as_alice.post(f"{LIST}/catalog/python/add", {"name": "Clinic API"})
    assert response.headers["Location"] == "/acme-health/sources/clinic-api/overview"
    page = page_of(as_alice, response.headers["Location"])
    assert str(write_keys.reveal(Source.objects.get())) in page
    assert event_types() == ["Source Created", "Source Viewed"]


def test_a_name_in_use_is_said_next_to_the_field(as_alice: Client, portal: Source) -> None:
    page = as_alice.post(f"{LIST}/catalog/ios/add", {"name": "patient portal"}).content.decode()
    assert 'id="id_name_error"' in page
    assert "Another source of this workspace has this name." in page
    assert 'aria-invalid="true"' in page


def test_a_reader_may_not_add(as_bob: Client) -> None:
    assert as_bob.post(f"{LIST}/catalog/ios/add", {"name": "X"}).status_code == 403
    assert not Source.objects.exists()
    assert "Add Source" not in page_of(as_bob, f"{LIST}/catalog/ios")


def test_unknown_kinds_and_sources_are_404(as_alice: Client) -> None:
    for url in ("catalog/fax", "catalog/fax/add", "nothing/overview", "nothing/settings"):
        assert as_alice.get(f"{LIST}/{url}").status_code == 404


@pytest.mark.parametrize("language", ["curl", "python", "node", "browser"])
def test_each_language_shows_key_and_address(
    as_alice: Client, portal: Source, language: str, settings: pytest.FixtureRequest
) -> None:
    settings.SITE_URL = "https://events.acme.example"
    page = page_of(as_alice, f"{LIST}/patient-portal/overview?language={language}")
    snippet = page.split('id="snippet">')[1].split("</code>")[0]
    assert str(write_keys.reveal(portal)) in snippet
    assert "events.acme.example" in snippet


def test_a_reader_sees_no_write_key(as_bob: Client, portal: Source) -> None:
    key = str(write_keys.reveal(portal))
    for tab in ("overview", "settings"):
        page = page_of(as_bob, f"{LIST}/patient-portal/{tab}")
        assert key not in page
        assert "see the write key" in page


def test_counts_of_the_last_day(as_alice: Client, portal: Source) -> None:
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    hourly = ((0, "received", 1200), (22, "received", 34), (25, "received", 9), (1, "bad_request", 5))
    for hours, outcome, count in hourly:
        EventCount.objects.create(
            source=portal, hour=now - timedelta(hours=hours), event_type="track", outcome=outcome, count=count
        )
    page = page_of(as_alice, f"{LIST}/patient-portal/overview")
    assert cards(page) == [
        ("Successfully received", "1,239"),
        ("Failed on ingest", "5"),
        ("Filtered at source", "0"),
    ]
    assert 'Eligible events</span><span class="pipeline__eligible">1,234<' in page
    failed = page_of(as_alice, f"{LIST}/patient-portal/overview?step=ingest&metrics=counts")
    assert [row[1:] for row in rows_of(failed, "Discard reasons")] == [["bad_request", "5", "0.4%", "0.4%"]]
    assert "one too many in its batch" in failed
    assert "Change: +1,230" in failed


def test_each_destination_has_its_numbers(as_alice: Client, portal: Source) -> None:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    counts = {"delivered": 1200, "retried": 34, "errors.discarded.401": 5, "FILTERED_BY_RULES": 6, "INTERNAL": 1}
    for name in ("CRM", "Lab"):
        made = DestinationFactory(source=portal, name=name, enabled=name == "CRM")
        for outcome, count in counts.items() if name == "CRM" else ():
            given = {"event_type": "track", "outcome": outcome, "count": count}
            DeliveryCount.objects.create(destination=made, hour=hour, **given)
            DeliveryCount.objects.create(destination=made, hour=hour - timedelta(hours=30), **given)
    page = page_of(as_alice, f"{LIST}/patient-portal/overview")
    assert rows_of(page, "Connected destinations") == [
        ["CRM", "Enabled", "Off", "7", "5", "0", "1,234"],
        ["Lab", "Disabled", "Off", "0", "0", "0", "0"],
    ]


def test_dates_that_make_no_span_are_refused_on_the_page(as_alice: Client, portal: Source) -> None:
    page = page_of(as_alice, f"{LIST}/patient-portal/overview?since=2026-03-02&until=2026-03-01")
    assert "Choose at most two weeks, the first day before the last." in page


def test_the_overview_takes_few_queries(as_alice: Client, portal: Source) -> None:
    url = f"{LIST}/patient-portal/overview"
    page_of(as_alice, url)
    few = queries_of(as_alice, url)
    assert few <= 20
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    for number in range(20):
        DeliveryCount.objects.create(
            destination=DestinationFactory(source=portal, name=f"D{number}"),
            hour=hour,
            event_type="track",
            outcome=f"errors.discarded.4{number}",
            count=1,
        )
        EventCount.objects.create(source=portal, hour=hour, event_type="track", outcome=f"x{number}", count=1)
    assert queries_of(as_alice, url) == few


def test_save_changes(as_alice: Client, portal: Source) -> None:
    response = as_alice.post(f"{LIST}/patient-portal/settings", {"name": "Portal"}, follow=True)
    assert "Your changes are saved." in response.content.decode()
    portal.refresh_from_db()
    assert (portal.name, portal.enabled) == ("Portal", False)
    assert event_types() == ["Source Created", "Source Modified", "Source Disabled", "Source Viewed"]


def test_nothing_is_saved_when_the_name_is_taken(as_alice: Client, portal: Source) -> None:
    SourceFactory(workspace=portal.workspace, name="Clinic API")
    page = as_alice.post(f"{LIST}/patient-portal/settings", {"name": "Clinic API"}).content.decode()
    assert "Another source of this workspace has this name." in page
    portal.refresh_from_db()
    assert (portal.name, portal.enabled) == ("Patient portal", True)


def test_a_reader_may_not_save(as_bob: Client, portal: Source) -> None:
    assert "Save Changes" not in page_of(as_bob, f"{LIST}/patient-portal/settings")
    assert as_bob.post(f"{LIST}/patient-portal/settings", {"name": "Mine"}).status_code == 403
    portal.refresh_from_db()
    assert portal.name == "Patient portal"
