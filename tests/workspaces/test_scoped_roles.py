"""A role that covers some sources: nothing of the others shows on any page, whatever is asked."""

from __future__ import annotations

import re
import uuid

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.converters import IntConverter, UUIDConverter
from django.utils import timezone

from audit.models import AuditRow
from destinations import drafts
from destinations.models import Destination, Draft
from tests.destinations.factories import DestinationFactory
from tests.factories import SourceFactory, member
from workspaces import grants
from workspaces.grants import RoleGiven
from workspaces.models import EventCount, Label, Source, SourceLabel, User, Workspace
from workspaces.roles import SCOPED_ROLES, Role, Scope

HOME = "/acme-health/home"


@pytest.fixture
def mine(workspace: Workspace) -> Destination:
    """A destination within reach, and its source."""
    return DestinationFactory(
        source=SourceFactory(workspace=workspace, name="Open ward", slug="open-ward"), name="Near"
    )


@pytest.fixture
def hidden(workspace: Workspace) -> Destination:
    """A destination out of reach, and its source, with events."""
    source = SourceFactory(workspace=workspace, name="Closed lab", slug="closed-lab")
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    EventCount.objects.create(source=source, hour=hour, event_type="track", outcome="received", count=4321)
    return DestinationFactory(source=source, name="Far away")


@pytest.fixture
def sid(workspace: Workspace) -> User:
    return member(workspace, "sid", "")


@pytest.fixture
def browser(sid: User) -> Client:
    """Sid's browser."""
    client = Client()
    client.force_login(sid)
    return client


def give(user: User, *roles: RoleGiven) -> None:
    grants.write(user.memberships.get(), roles)


def chosen(role: Role, *sources: Source) -> RoleGiven:
    return RoleGiven(role, Scope.CHOSEN, source_ids=frozenset(source.pk for source in sources))


def crawl(client: Client, start: str = HOME) -> dict[str, str]:
    """Every page of the workspace that links lead to, by address."""
    pages: dict[str, str] = {}
    waiting = [start]
    while waiting:
        url = waiting.pop()
        if url in pages:
            continue
        answer = client.get(url, follow=True)
        pages[url] = text = (
            answer.content.decode(errors="replace")
            if not answer.streaming
            else b"".join(answer).decode(errors="replace")
        )
        waiting += [
            each.split("#")[0].replace("&amp;", "&") for each in re.findall(r'href="(/acme-health/[^"]*)"', text)
        ]
        assert len(pages) < 300
    return pages


def tells_of(text: str, destination: Destination) -> list[str]:
    source = destination.source
    words = [source.name, source.slug, str(source.pk), destination.name, str(destination.pk), "4,321", "4321"]
    return [word for word in words if word in text]


@pytest.mark.parametrize("role", [Role.SOURCE_ADMIN, Role.SOURCE_READ_ONLY])
def test_no_page_that_links_lead_to_tells_of_another_source(
    browser: Client, sid: User, mine: Destination, hidden: Destination, role: Role
) -> None:
    give(sid, chosen(role, mine.source))
    pages = crawl(browser)
    assert f"/acme-health/destinations/{mine.pk}/delivery" in pages
    assert {url: found for url, text in pages.items() if (found := tells_of(text, hidden))} == {}
    assert any("Near" in text for text in pages.values())


def test_labels_are_counted_on_the_sources_within_reach(
    browser: Client, as_alice: Client, sid: User, workspace: Workspace, mine: Destination, hidden: Destination
) -> None:
    prod = Label.objects.create(workspace=workspace, key="environment", value="Prod")
    for destination in (mine, hidden):
        SourceLabel.objects.create(source=destination.source, label=prod, key="environment")
    give(member(workspace, "eve", ""), by_label(workspace, Role.SOURCE_READ_ONLY, "north"))
    told = {}
    for role in (Role.SOURCE_READ_ONLY, Role.PRIVACY_ADMIN):
        give(sid, chosen(role, mine.source) if role in SCOPED_ROLES else RoleGiven(role))
        page = browser.get("/acme-health/settings/labels").content.decode()
        told[role] = re.findall(r"\d+ (?:source|role)s?", page)
    assert told == {Role.SOURCE_READ_ONLY: ["1 source", "0 sources"], Role.PRIVACY_ADMIN: []}
    page = as_alice.get("/acme-health/settings/labels").content.decode()
    assert re.findall(r"\d+ (?:source|role)s?", page) == ["0 roles", "2 sources", "1 role", "0 sources"]


def test_the_crawl_finds_what_an_owner_may_see(as_alice: Client, mine: Destination, hidden: Destination) -> None:
    pages = crawl(as_alice)
    assert {word for text in pages.values() for word in tells_of(text, hidden)} >= {"Closed lab", "Far away", "4,321"}


def routes(patterns: list[URLPattern | URLResolver]) -> list[URLPattern]:
    found: list[URLPattern] = []
    for each in patterns:
        found += routes(each.url_patterns) if isinstance(each, URLResolver) else [each]
    return found


def about_sources() -> list[str]:
    """Every route that names a source or a destination, present and future."""
    named = {"source_slug", "destination_id"}
    return sorted(
        str(route.name) for route in routes(get_resolver().url_patterns) if named & set(route.pattern.converters)
    )


def stand_in(kind: object) -> object:
    """Something of the kind that a route asks for beside source and destination."""
    return uuid.uuid4() if isinstance(kind, UUIDConverter) else 1 if isinstance(kind, IntConverter) else "0-1-0"


@pytest.mark.parametrize("route", about_sources())
@pytest.mark.parametrize("role", [Role.SOURCE_ADMIN, Role.SOURCE_READ_ONLY])
def test_another_source_and_its_destinations_are_not_there(
    browser: Client, sid: User, mine: Destination, hidden: Destination, route: str, role: Role
) -> None:
    give(sid, chosen(role, mine.source), RoleGiven(Role.PII_ACCESS))
    before = AuditRow.objects.exclude(outcome="denied").count()
    pattern = next(each for each in routes(get_resolver().url_patterns) if each.name == route)
    names = {"source_slug": hidden.source.slug, "destination_id": hidden.pk}
    asked = {name: names.get(name, stand_in(kind)) for name, kind in pattern.pattern.converters.items()}
    url = reverse(route, kwargs={"workspace_slug": "acme-health", **asked})
    for answer in (browser.get(url, follow=True), browser.post(url, {"name": "Mine now"}, follow=True)):
        # The others come before anything is looked for: they are the answer for any source.
        assert answer.status_code in {403, 404, 405, 410}
        assert tells_of(answer.content.decode(errors="replace").replace(url, ""), hidden) == []
    assert AuditRow.objects.exclude(outcome="denied").count() == before
    hidden.refresh_from_db()
    assert (hidden.name, hidden.source.name) == ("Far away", "Closed lab")


def test_roles_add_up(browser: Client, sid: User, mine: Destination, hidden: Destination) -> None:
    give(sid, chosen(Role.SOURCE_ADMIN, mine.source), chosen(Role.SOURCE_READ_ONLY, hidden.source))
    page = browser.get("/acme-health/sources").content.decode(errors="replace")
    assert ["Open ward" in page, "Closed lab" in page] == [True, True]
    may = {name: f"/acme-health/sources/{name}/settings" for name in ("open-ward", "closed-lab")}
    assert browser.post(may["open-ward"], {"name": "Wide ward", "enabled": "on"}).status_code == 302
    assert browser.post(may["closed-lab"], {"name": "Taken lab", "enabled": "on"}).status_code == 403
    assert sorted(Source.objects.values_list("name", flat=True)) == ["Closed lab", "Wide ward"]
    give(sid, chosen(Role.SOURCE_ADMIN, mine.source), RoleGiven(Role.AUDITOR))
    assert browser.get("/acme-health/settings/audit-log").status_code == 200


def test_a_destination_shows_the_tabs_that_open(
    browser: Client, sid: User, mine: Destination, hidden: Destination
) -> None:
    give(sid, chosen(Role.SOURCE_ADMIN, mine.source), chosen(Role.SOURCE_READ_ONLY, hidden.source))
    shown = {}
    for destination in (mine, hidden):
        page = browser.get(f"/acme-health/destinations/{destination.pk}/overview").content.decode()
        tabs = page.split('aria-label="Destination">')[1].split("</nav>")[0]
        shown[destination.name] = re.findall(r'href="([^"]+)"', tabs)
        assert {browser.get(url).status_code for url in shown[destination.name]} == {200}
        encryption = browser.get(f"/acme-health/destinations/{destination.pk}/encryption").content.decode()
        assert ("Have Segment encrypt sensitive data" in encryption) == (destination == mine)
    assert [any("tester" in url for url in urls) for urls in shown.values()] == [True, False]


def test_a_role_on_some_sources_adds_none(browser: Client, sid: User, mine: Destination) -> None:
    give(sid, chosen(Role.SOURCE_ADMIN, mine.source))
    assert browser.post("/acme-health/sources/catalog/ios/add", {"name": "New"}).status_code == 403
    assert "Add Source<" not in browser.get("/acme-health/sources").content.decode(errors="replace")
    give(sid, RoleGiven(Role.SOURCE_ADMIN))
    assert browser.post("/acme-health/sources/catalog/ios/add", {"name": "New"}).status_code == 302


def test_a_role_on_all_sources_covers_future_ones(browser: Client, sid: User, mine: Destination) -> None:
    give(sid, RoleGiven(Role.SOURCE_READ_ONLY))
    SourceFactory(workspace=mine.workspace, name="Brand new", slug="brand-new")
    assert browser.get("/acme-health/sources/brand-new/overview").status_code == 200


@pytest.mark.parametrize("role", [Role.PII_ACCESS, Role.AUDITOR, Role.PRIVACY_ADMIN])
def test_roles_about_other_things_open_no_source(
    browser: Client, sid: User, mine: Destination, hidden: Destination, role: Role
) -> None:
    give(sid, RoleGiven(role))
    for url in ("sources", "destinations", "sources/open-ward/overview", f"destinations/{mine.pk}/delivery"):
        assert browser.get(f"/acme-health/{url}").status_code == 403
    page = browser.get(HOME).content.decode(errors="replace")
    assert "Nothing is shared with you yet" in page
    assert tells_of(page, hidden) == []


def by_label(workspace: Workspace, role: Role, *names: str) -> RoleGiven:
    labels = [Label.objects.get_or_create(workspace=workspace, key=name, value="yes")[0] for name in names]
    return RoleGiven(role, Scope.LABELS, label_ids=frozenset(label.pk for label in labels))


def test_a_role_by_label_loses_a_source_with_its_label(
    browser: Client, sid: User, workspace: Workspace, mine: Destination, hidden: Destination
) -> None:
    give(sid, by_label(workspace, Role.SOURCE_ADMIN, "north"))
    north = Label.objects.get(key="north")
    assert browser.get("/acme-health/sources").status_code == 403
    carried = SourceLabel.objects.create(source=mine.source, label=north, key="north")
    assert browser.get(f"/acme-health/destinations/{mine.pk}/delivery").status_code == 200
    assert {word for text in crawl(browser).values() for word in tells_of(text, hidden)} == set()
    carried.delete()
    assert browser.get(f"/acme-health/destinations/{mine.pk}/delivery").status_code == 403


@pytest.mark.parametrize("step", ["source", "settings", "keys"])
def test_a_draft_is_shut_with_the_source_it_is_for(
    browser: Client, sid: User, workspace: Workspace, mine: Destination, hidden: Destination, step: str
) -> None:
    give(sid, chosen(Role.SOURCE_ADMIN, mine.source, hidden.source))
    draft = drafts.start("webhooks", actor=sid, workspace=workspace)
    drafts.choose_source(draft, hidden.source_id, actor=sid)
    give(sid, chosen(Role.SOURCE_ADMIN, mine.source))
    url = f"/acme-health/destinations/setup/{draft.pk}/{step}"
    data = {"source": str(hidden.source_id), "name": "Mine", "settings-url": "https://example.com/", "encrypts": "on"}
    for answer in (browser.get(url), browser.post(url, data)):
        assert answer.status_code in ({200} if step == "source" else {302, 404, 410})
        assert tells_of(answer.content.decode(errors="replace"), hidden) == []
    assert not Destination.objects.exclude(pk__in=[mine.pk, hidden.pk]).exists()
    assert Draft.objects.get(pk=draft.pk).source_id == hidden.source_id
