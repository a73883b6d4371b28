"""The catalog: what can be configured and nothing else, with the documentation of each kind."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from destinations.catalog.registry import CONNECTORS, catalog_entries
from destinations.models import Draft
from tests.destinations.making import BASE, recorded
from tests.factories import member
from workspaces.models import User, Workspace

CATALOG = f"{BASE}/catalog"


def page_of(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def cards(page: str) -> list[str]:
    return re.findall(r'class="card__name">([^<]+)<', page)


def test_the_catalog_lists_what_can_be_configured(as_alice: Client) -> None:
    page = page_of(as_alice, CATALOG)
    assert cards(page) == [entry.name for entry in catalog_entries()] == ["Webhooks"]
    links = re.findall(rf'href="{CATALOG}/([a-z-]+)">Configure', page)
    assert links == sorted(CONNECTORS)
    for slug in links:
        assert "Add destination</button>" in page_of(as_alice, f"{CATALOG}/{slug}")


def test_only_categories_that_hold_something_are_offered(as_alice: Client) -> None:
    side = page_of(as_alice, CATALOG).split('aria-labelledby="categories"')[1].split("</nav>")[0]
    assert re.findall(r"<a [^>]*>([^<]+)</a>", side) == ["All", "Raw Data"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=HOOK", ["Webhooks"]),
        ("?category=Raw+Data", ["Webhooks"]),
        ("?category=Raw+Data&q=web", ["Webhooks"]),
        ("?q=fax", []),
        ("?category=Advertising", []),
        ("?q=%00", ["Webhooks"]),
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
    assert cards(page_of(as_alice, CATALOG)) == ["Webhooks"]


def test_members_without_the_right_see_no_catalog(as_alice: Client, workspace: Workspace) -> None:
    as_alice.force_login(member(workspace, "dora", ""))
    assert [as_alice.get(url).status_code for url in (CATALOG, f"{CATALOG}/webhooks")] == [403, 403]


def test_what_holds_no_data_is_not_recorded(as_alice: Client) -> None:
    with recorded() as rows:
        page_of(as_alice, CATALOG)
        page_of(as_alice, f"{CATALOG}/webhooks")
    assert rows == []
