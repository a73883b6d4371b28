"""Who gets what answer from every route there is. A new route is one line in ACCESS; without it the suite fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from destinations import drafts
from destinations.models import Destination, Draft
from destinations.settings_store import seal_settings
from tests.factories import member, support_staff
from workspaces.models import Source, User, Workspace
from workspaces.sources import add_source

# Who asks, in the order of the columns below.
PERSONAS = (
    "signed out",
    "outsider",
    "member",
    "auditor",
    "privacy_admin",
    "source_read_only",
    "source_admin",
    "owner",
    "support",
)
SIGN_IN = 302  # sent to the sign-in page
Statuses = tuple[int, ...]


@dataclass(frozen=True)
class World:
    """What the routes' arguments are taken from."""

    workspace: Workspace
    source: Source
    destination: Destination
    draft: Draft


Arguments = Callable[[World], dict[str, object]]


def in_workspace(world: World) -> dict[str, object]:
    return {"workspace_slug": world.workspace.slug}


def of_source(world: World) -> dict[str, object]:
    return {**in_workspace(world), "source_slug": world.source.slug}


def of_destination(world: World) -> dict[str, object]:
    return {**in_workspace(world), "destination_id": world.destination.pk}


def of_draft(world: World) -> dict[str, object]:
    return {**in_workspace(world), "draft_id": world.draft.pk}


def with_kind(kind: str) -> Arguments:
    return lambda world: {**in_workspace(world), "kind": kind}


def nothing(world: World) -> dict[str, object]:
    return {}


def everyone(status: int) -> Statuses:
    return (status,) * len(PERSONAS)


def signed_in(status: int = 200) -> Statuses:
    return (SIGN_IN, *(status,) * (len(PERSONAS) - 1))


def only(status: int, *personas: str) -> Statuses:
    """`status` for these; the other members are refused, outsiders told nothing."""
    assert set(personas) <= set(PERSONAS)
    return (SIGN_IN, 404, *(status if persona in personas else 403 for persona in PERSONAS[2:]))


def members(status: int = 200) -> Statuses:
    return only(status, *PERSONAS[2:])


def insiders(status: int = 200) -> Statuses:
    return only(status, "privacy_admin", "source_read_only", "source_admin", "owner", "support")


def readers(status: int = 200) -> Statuses:
    return only(status, "source_read_only", "source_admin", "owner", "support")


def editors(status: int = 200) -> Statuses:
    return only(status, "source_admin", "owner", "support")


def owners(status: int = 200) -> Statuses:
    return only(status, "owner", "support")


def auditors(status: int = 200) -> Statuses:
    return only(status, "auditor", "owner", "support")


@dataclass(frozen=True)
class Route:
    """The answers of one route, a column for each persona. POST sends an empty form unless `data` says otherwise."""

    name: str
    get: Statuses
    post: Statuses
    arguments: Arguments = nothing
    data: dict[str, str] = field(default_factory=dict)


NO_POST = members(405)
# A draft of the wizard belongs to Alice alone: for the other owners it is not there.
OF_ANOTHER = editors(404)
ACCESS = [
    # Inside a workspace
    Route("home", members(), NO_POST, in_workspace),
    Route("sources", readers(), NO_POST, in_workspace),
    Route("source_catalog", readers(), NO_POST, in_workspace),
    Route("source_kind", readers(), NO_POST, with_kind("ios")),
    Route("source_add", editors(), editors(), with_kind("ios")),
    Route("source_overview", readers(), NO_POST, of_source),
    Route("source_settings", readers(), editors(302), of_source, {"name": "Patient portal"}),
    Route("settings_basic", insiders(), owners(302), in_workspace, {"name": "Acme Health", "slug": "acme-health"}),
    Route("settings_eligible_products", insiders(), NO_POST, in_workspace),
    Route("settings_architecting", insiders(), NO_POST, in_workspace),
    Route("destinations", readers(), NO_POST, in_workspace),
    Route("destination_catalog", readers(), NO_POST, in_workspace),
    Route("destination_kind", readers(), NO_POST, with_kind("webhooks")),
    Route("setup_start", members(302), editors(302), with_kind("webhooks")),
    Route("setup_source", OF_ANOTHER, OF_ANOTHER, of_draft),
    Route("setup_settings", OF_ANOTHER, OF_ANOTHER, of_draft),
    Route("setup_keys", members(410), OF_ANOTHER, of_draft),
    Route("destination", members(302), NO_POST, of_destination),
    Route("destination_delivery", readers(), NO_POST, of_destination),
    Route("destination_encryption", readers(), NO_POST, of_destination),
    Route("destination_settings", readers(), editors(), of_destination),
    Route("audit_log", auditors(), auditors(302), in_workspace),
    Route("audit_log_csv", auditors(), NO_POST, in_workspace),
    # Outside
    Route("root", signed_in(302), everyone(405)),
    Route("workspaces", signed_in(), everyone(405)),
    Route("goto_my_workspace", signed_in(302), everyone(405)),
    Route("healthz", everyone(200), everyone(405)),
    Route("readyz", everyone(200), everyone(405)),
]
# Pages of accounts are the same for every persona in a workspace; tests/workspaces/test_signin.py is about them.
ELSEWHERE = ("account_", "mfa_", "admin:")


@pytest.fixture
def world(workspace: Workspace, alice: User) -> World:
    source = add_source(workspace, kind="javascript", name="Patient portal", actor=alice)
    destination = Destination(workspace=workspace, source=source, kind="webhooks", name="Care team")
    destination.sealed_settings = seal_settings({"url": "https://example.com/"}, owner_id=destination.pk)
    destination.save()
    return World(workspace, source, destination, drafts.start("webhooks", actor=alice, workspace=workspace))


@pytest.fixture
def visitor(client: Client, workspace: Workspace, charlie: User, request: pytest.FixtureRequest) -> Client:
    """A browser of the persona the test is about."""
    persona: str = request.param
    if persona == "outsider":
        client.force_login(charlie)
    elif persona == "support":
        client.force_login(support_staff(workspace))
    elif persona != "signed out":
        client.force_login(member(workspace, "dora", "" if persona == "member" else persona))
    return client


@pytest.mark.parametrize("visitor", PERSONAS, indirect=True)
@pytest.mark.parametrize("route", ACCESS, ids=lambda route: route.name)
def test_each_persona_gets_the_answer_of_the_table(
    visitor: Client, route: Route, world: World, request: pytest.FixtureRequest
) -> None:
    column = PERSONAS.index(request.node.callspec.params["visitor"])
    url = reverse(route.name, kwargs=route.arguments(world))
    assert visitor.get(url).status_code == route.get[column]
    assert visitor.head(url).status_code == route.get[column]
    assert visitor.post(url, route.data).status_code == route.post[column]


def names(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for each in patterns:
        if isinstance(each, URLResolver):
            inside = f"{prefix}{each.namespace}:" if each.namespace else prefix
            yield from names(each.url_patterns, inside)
        else:
            yield f"{prefix}{each.name or each.pattern}"


def test_no_route_is_missing_from_the_table() -> None:
    told = {route.name for route in ACCESS}
    there = {name for name in names(get_resolver().url_patterns) if not name.startswith(ELSEWHERE)}
    assert there == told


@pytest.mark.parametrize("visitor", PERSONAS[:-1], indirect=True)
def test_nobody_of_them_is_support_staff(visitor: Client, request: pytest.FixtureRequest) -> None:
    persona = request.node.callspec.params["visitor"]
    for name in (
        "index",
        "workspaces_workspace_changelist",
        "audit_auditrow_changelist",
        "destinations_delivery_changelist",
    ):
        response = visitor.get(reverse(f"admin:{name}"), follow=persona != "signed out")
        assert response.status_code == (SIGN_IN if persona == "signed out" else 403)
