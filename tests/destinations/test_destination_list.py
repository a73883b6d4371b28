"""My Destinations: search, order, pages, dots, empty lists, and how many queries it takes."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from destinations.models import Destination
from tests.destinations.factories import DestinationFactory, encrypt_for
from tests.destinations.making import BASE, broken_log, recorded
from tests.factories import SourceFactory, member
from tests.queries import counted
from workspaces.models import Source, User, Workspace

COLUMNS = ["Name", "Status", "Category", "Created At", "Sources"]


@pytest.fixture
def three(workspace: Workspace) -> list[Destination]:
    """A, b and C: each of a source, a state and an age of its own."""
    now, made = timezone.now(), []
    for name, source, days, enabled in (("A", "Web", 1, True), ("b", "API", 3, False), ("C", "iOS", 2, True)):
        given = {"name": name, "enabled": enabled, "created_at": now - timedelta(days=days)}
        made.append(DestinationFactory(source=SourceFactory(workspace=workspace, name=source), **given))
    return made


def page_of(client: Client, query: str = "") -> str:
    response = client.get(f"{BASE}{query}")
    assert response.status_code == 200
    return response.content.decode()


def names(page: str) -> list[str]:
    return re.findall(r'<th scope="row">.*?<a href="[^"]+">([^<]+)</a>', page, re.DOTALL)


@pytest.mark.parametrize(("role", "says"), [("owner", "Add destination"), ("source_read_only", "can add one")])
def test_an_empty_list_says_what_to_do(client: Client, workspace: Workspace, role: str, says: str) -> None:
    client.force_login(member(workspace, "dora", role))
    page = page_of(client)
    assert "No destinations yet" in page
    assert says in page
    assert (f'href="{BASE}/catalog"' in page) is (role == "owner")


def test_each_row_says_where_it_leads_and_how_it_is(as_alice: Client, source: Source) -> None:
    crm = encrypt_for(DestinationFactory(source=source, name="CRM <x>", enabled=False), "email")
    page = page_of(as_alice)
    assert f'<a href="{BASE}/{crm.pk}">CRM &lt;x&gt;</a>' in page
    assert '<span class="status status--off">Disabled</span>' in page
    assert "Encrypted</span>" in page
    assert "<td>Raw Data</td>" in page
    assert f'href="/acme-health/sources/{source.slug}/overview"' in page
    assert re.findall(r'<a href="\?q=&amp;sort=[^"]+">([^<]+)<', page) == COLUMNS


def heads(page: str) -> list[str]:
    return re.findall(r'<a href="\?q=[^"]*&amp;sort=[^"]+">([^<]+)<', page)


def test_columns_are_chosen_and_stay_so_for_the_session(as_alice: Client, source: Source) -> None:
    DestinationFactory(source=source, kind="s3", name="Bucket")
    page = page_of(as_alice, "?show=&show=type&show=created&show=nope")
    assert heads(page) == ["Name", "Created At", "Type"]
    assert "<td>Storage</td>" in page
    assert "<td>Raw Data</td>" not in page
    for again in ("", "?sort=type", "?sort=-category"):
        assert heads(page_of(as_alice, again)) == ["Name", "Created At", "Type"]
    assert heads(page_of(as_alice, "?show=")) == ["Name"]
    assert re.findall(r'name="show" value="(\w+)" checked', page) == ["created", "type"]
    every = "&".join(f"show={name}" for name in ("status", "category", "created", "source", "type"))
    assert heads(page_of(as_alice, f"?{every}")) == [*COLUMNS, "Type"]


def test_a_kind_that_is_gone_is_still_listed(as_alice: Client, source: Source) -> None:
    DestinationFactory(source=source, kind="fax", name="Old fax")
    page = page_of(as_alice)
    assert "Old fax" in page
    assert "<td>Other</td>" in page


def test_dots_are_green_or_grey(as_alice: Client, three: list[Destination]) -> None:
    page = page_of(as_alice)
    assert re.findall(r'class="status status--(\w+)">(\w+)<', page) == [
        ("on", "Enabled"),
        ("off", "Disabled"),
        ("on", "Enabled"),
    ]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("name", "AbC"),
        ("-name", "CbA"),
        ("-status", "CAb"),
        ("created", "bCA"),
        ("-created", "ACb"),
        ("source", "bCA"),
        ("-source", "ACb"),
        ("category", "AbC"),
        ("sealed_settings", "AbC"),
        ("--name", "AbC"),
    ],
)
def test_sorting(as_alice: Client, three: list[Destination], sort: str, expected: str) -> None:
    page = page_of(as_alice, f"?sort={sort}")
    shown = "".join(names(page))
    assert sorted(shown[:2]) == sorted(expected[:2]) if sort == "-status" else shown == expected
    assert page.count("aria-sort=") == 1


def test_a_second_click_turns_the_order(as_alice: Client, three: list[Destination]) -> None:
    page = page_of(as_alice, "?sort=created&q=")
    assert 'aria-sort="ascending"' in page
    assert 'href="?q=&amp;sort=-created"' in page
    assert 'aria-sort="descending"' in page_of(as_alice, "?q=&sort=-created")


@pytest.mark.parametrize(
    ("query", "found"),
    [("LAB", ["Lab", "Labor"]), ("100%25", ["100% done"]), ("_", ["under_score"]), ("%20lab%20", ["Lab", "Labor"])],
)
def test_search_by_name(as_alice: Client, source: Source, query: str, found: list[str]) -> None:
    for name in ("Lab", "Labor", "100% done", "1000 done", "under_score"):
        DestinationFactory(source=source, name=name)
    assert names(page_of(as_alice, f"?q={query}")) == found


@pytest.mark.parametrize("query", ["fax", "%00", "%00lab", "%F0%9F%A9%BA"])
def test_a_search_without_result_leads_back(as_alice: Client, source: Source, query: str) -> None:
    DestinationFactory(source=source)
    page = page_of(as_alice, f"?q={query}")
    assert ("No destination has this in its name" in page) is (query != "%00")
    assert "No destinations yet" not in page


def test_fifty_to_a_page_and_the_question_goes_along(as_alice: Client, workspace: Workspace) -> None:
    for source in SourceFactory.create_batch(3, workspace=workspace):
        DestinationFactory.create_batch(17, source=source)
    first = page_of(as_alice, "?q=hook&sort=-created")
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    assert "1\N{EN DASH}50 of 51" in first
    second = page_of(as_alice, following[1].replace("&amp;", "&"))
    assert "51\N{EN DASH}51 of 51" in second
    assert len(set(names(first)) | set(names(second))) == 51
    assert 'value="hook"' in second


@pytest.mark.parametrize("number", ["0", "-1", "x", "999"])
def test_a_page_that_is_none_shows_one_that_is(as_alice: Client, three: list[Destination], number: str) -> None:
    assert names(page_of(as_alice, f"?page={number}")) == ["A", "b", "C"]


def test_queries_do_not_grow_with_rows(as_alice: Client, workspace: Workspace) -> None:
    counts = []
    page_of(as_alice)
    for number in (1, 9, 40):
        for _ in range(number):
            DestinationFactory(source=SourceFactory(workspace=workspace))
        with counted() as queries:
            page_of(as_alice)
        counts.append(len(queries))
    assert counts == [counts[0]] * 3
    assert counts[0] <= 17
    assert not [query for query in queries.captured_queries if '"sealed_settings"' in query["sql"]]


def test_other_workspaces_destinations_are_not_listed(as_alice: Client, charlie: User) -> None:
    DestinationFactory(source=SourceFactory(workspace=charlie.workspaces.get()), name="Hidden lab")
    assert "Hidden lab" not in page_of(as_alice, "?q=lab")
    assert "No destinations yet" in page_of(as_alice)


def test_readers_look_and_members_do_not(client: Client, three: list[Destination], bob: User) -> None:
    client.force_login(bob)
    page = page_of(client)
    assert names(page) == ["A", "b", "C"]
    assert "Add destination" not in page
    client.force_login(member(three[0].workspace, "dora", ""))
    assert client.get(BASE).status_code == 403


@pytest.mark.django_db(transaction=True)  # a row that cannot be written ends the whole transaction
def test_the_list_is_one_row_or_is_not_shown(as_alice: Client, three: list[Destination]) -> None:
    with recorded() as rows:
        page_of(as_alice)
    assert rows == ["Destination List Viewed"]
    with broken_log(as_alice):
        assert as_alice.get(BASE).status_code == 503
