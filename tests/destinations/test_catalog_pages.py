"""The catalog: what can be configured and nothing else, with the documentation of each kind."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from destinations.catalog.base import Mode
from destinations.catalog.registry import CONNECTORS, catalog_entries
from destinations.models import Draft
from tests.destinations.making import BASE, recorded
from tests.factories import member
from tests.queries import counted
from workspaces.models import User, Workspace

CATALOG, STORAGE = f"{BASE}/catalog", f"{BASE}/storage-catalog"


def page_of(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def of(category: str) -> list[str]:
    """The names of a category's kinds beside storage: who adds a connector need not change this file."""
    return [each.name for each in catalog_entries() if each.category == category and each.mode is not Mode.STORAGE]


CATEGORIES = sorted({each.category for each in catalog_entries() if each.mode is not Mode.STORAGE})


def cards(page: str) -> list[str]:
    return re.findall(r'class="card__name">([^<]+)<', page)


def test_the_catalog_lists_what_can_be_configured(as_alice: Client) -> None:
    page, storage = page_of(as_alice, CATALOG), page_of(as_alice, STORAGE)
    assert cards(storage) == ["Amazon S3"]
    assert sorted(cards(page) + cards(storage)) == sorted(entry.name for entry in catalog_entries())
    links = re.findall(rf'href="{CATALOG}/([a-z0-9-]+)">Configure', page + storage)
    assert sorted(links) == sorted(CONNECTORS)
    for slug in links:
        assert "Add destination</button>" in page_of(as_alice, f"{CATALOG}/{slug}")


def test_only_categories_that_hold_something_are_offered(as_alice: Client) -> None:
    side = page_of(as_alice, CATALOG).split('aria-labelledby="categories"')[1].split("</nav>")[0]
    assert re.findall(r"<a [^>]*>([^<]+)</a>", side) == ["All", *CATEGORIES]
    assert set(CATEGORIES) >= {"Analytics", "Livechat", "Raw Data", "Tag Managers"}
    side = page_of(as_alice, STORAGE).split('aria-labelledby="categories"')[1].split("</nav>")[0]
    assert re.findall(r"<a [^>]*>([^<]+)</a>", side) == ["All", "Raw Data"]


def test_each_group_has_a_page_of_its_own(as_alice: Client) -> None:
    page = page_of(as_alice, CATALOG)
    links = re.findall(r'<a href="(\?category=[^"]+)">View All', page)
    found = [cards(page_of(as_alice, CATALOG + link.replace("&amp;", "&"))) for link in links]
    assert found == [of(category) for category in CATEGORIES]
    assert set(of("Analytics")) >= {"Amplitude", "Mixpanel"}
    assert "View All" not in page_of(as_alice, CATALOG + links[0].replace("&amp;", "&"))


def test_featured_kinds_are_a_list_of_their_own(as_alice: Client) -> None:
    side = page_of(as_alice, CATALOG).split('aria-labelledby="featured"')[1].split("</nav>")[0]
    link = re.findall(r'<a href="([^"]+)">New &amp; Noteworthy</a>', side)[0].replace("&amp;", "&")
    page = page_of(as_alice, CATALOG + link)
    assert cards(page) == ["Segment Connections", "Webhooks"]
    assert 'aria-current="true">New &amp; Noteworthy' in page
    assert cards(page_of(as_alice, f"{CATALOG}{link}hook")) == ["Webhooks"]
    assert cards(page_of(as_alice, f"{CATALOG}{link}fax")) == []


def test_a_search_tells_of_the_other_tab(as_alice: Client) -> None:
    page = page_of(as_alice, f"{CATALOG}?q=s3")
    assert f'Also found: <a href="{CATALOG}/s3">Amazon S3</a> (Storage)' in page
    assert "Also found" not in page_of(as_alice, f"{STORAGE}?q=s3")
    assert "Also found" not in page_of(as_alice, CATALOG)


def test_a_catalog_page_asks_few_statements(as_alice: Client) -> None:
    page_of(as_alice, CATALOG)
    for url in (CATALOG, STORAGE):
        with counted() as queries:
            page_of(as_alice, url)
        assert len(queries) <= 10, url


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=HOOK", ["Webhooks"]),
        ("?category=Analytics", of("Analytics")),
        ("?category=Raw+Data&q=web", ["Webhooks"]),
        ("?q=fax", []),
        ("?category=Advertising", []),
        ("?q=MIX%00", ["Mixpanel"]),
    ],
)
def test_filters_stand_in_the_address(as_alice: Client, query: str, found: list[str]) -> None:
    page = page_of(as_alice, CATALOG + query)
    assert cards(page) == found
    assert ("Nothing in the catalog matches" in page) == (not found)


def test_the_filter_is_shown_as_text(as_alice: Client) -> None:
    page = page_of(as_alice, f"{CATALOG}?q=%22%3E%3Cscript%3E&category=%3Cb%3E")
    assert "<script>" not in page
    assert 'value="&quot;&gt;&lt;script&gt;"' in page


def test_a_kind_says_what_it_sends(as_alice: Client) -> None:
    page = page_of(as_alice, f"{CATALOG}/webhooks")
    for said in (
        "X-Signature-SHA256",
        "X-Message-Id",
        "X-Encryption-Key-Fingerprint",
        "within 5 seconds",
        "four hours",
    ):
        assert said in page
    assert "Data encryption only supports event-stream, cloud-mode destinations" in page
    assert f'action="{CATALOG}/webhooks/setup"' in page


def test_an_unknown_kind_is_not_there(as_alice: Client) -> None:
    for url in (f"{CATALOG}/fax", f"{CATALOG}/Webhooks"):
        assert as_alice.get(url).status_code == 404
    assert as_alice.post(f"{CATALOG}/fax/setup").status_code == 404
    assert not Draft.objects.exists()


def test_readers_look_and_may_not_add(as_alice: Client, bob: User) -> None:
    as_alice.force_login(bob)
    page = page_of(as_alice, f"{CATALOG}/webhooks")
    assert "Add destination" not in page
    assert "Owners and source admins of this workspace can add it." in page
    assert "Webhooks" in cards(page_of(as_alice, CATALOG))


def test_members_without_the_right_see_no_catalog(as_alice: Client, workspace: Workspace) -> None:
    as_alice.force_login(member(workspace, "dora", ""))
    assert [as_alice.get(url).status_code for url in (CATALOG, f"{CATALOG}/webhooks")] == [403, 403]


def test_what_holds_no_data_is_not_recorded(as_alice: Client) -> None:
    with recorded() as rows:
        page_of(as_alice, CATALOG)
        page_of(as_alice, f"{CATALOG}/webhooks")
    assert rows == []


def test_a_guide_is_shown_in_its_paragraphs(as_alice: Client) -> None:
    page = page_of(as_alice, f"{CATALOG}/s3")
    assert "<p>The access key needs s3:PutObject on the bucket and nothing else. An event may be in two objects" in page
    assert "Raw Data · Storage" in page
