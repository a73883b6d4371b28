"""The frame around pages: where it leads, whom it shows what, health."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.urls import path
from django.utils import timezone

from tests.factories import SourceFactory, WorkspaceFactory, join, member
from workspaces.models import EventCount, User, Workspace
from workspaces.navigation import sidebar
from workspaces.roles import MEMBER_RIGHTS, RIGHTS, Right, Role


def page_of(client: Client, url: str) -> str:
    response = client.get(url, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def sidebar_links(page: str) -> list[str]:
    return re.findall(r'class="nav-(?:item|sub)" href="([^"]+)"', page)


def test_the_root_leads_to_the_first_and_then_to_the_last_workspace(client: Client, alice: User) -> None:
    other = WorkspaceFactory(name="Zeta", slug="zeta")
    join(other, alice, "owner")
    client.force_login(alice)
    assert client.get("/").headers["Location"] == "/acme-health/home"
    client.get("/zeta/home")
    assert client.get("/").headers["Location"] == "/zeta/home"


def test_the_root_leads_to_the_chooser_without_a_workspace(client: Client, alice: User) -> None:
    alice.memberships.all().delete()
    client.force_login(alice)
    assert "You are in no workspace yet" in page_of(client, "/")


def test_the_chooser_lists_ones_own_with_the_role(as_alice: Client, charlie: User) -> None:
    page = page_of(as_alice, "/workspaces")
    assert "Acme Health" in page
    assert "Workspace Owner" in page
    assert "Umbrella" not in page


def test_links_from_documents_lead_into_ones_own_workspace(as_alice: Client) -> None:
    location = as_alice.get("/goto-my-workspace/sources?q=x").headers["Location"]
    assert location == "/acme-health/sources?q=x"
    assert as_alice.get("/goto-my-workspace").headers["Location"] == "/acme-health/home"


def test_what_no_page_sends_is_told_so(client: Client, db: None) -> None:
    answer = client.post("/login", {f"field{n}": "" for n in range(1001)})
    assert answer.status_code == 400
    assert "This request cannot be answered" in answer.content.decode()


@pytest.mark.parametrize("url", ["/", "/workspaces", "/goto-my-workspace/home", "/acme-health/home"])
def test_strangers_sign_in_first(client: Client, workspace: Workspace, url: str) -> None:
    assert client.get(url).headers["Location"].startswith("/login?next=")


@pytest.mark.parametrize(
    "url",
    ["home", "sources", "sources/catalog", "sources/catalog/ios", "settings/basic", "settings/hipaa/architecting"],
)
def test_outsiders_get_404(client: Client, workspace: Workspace, charlie: User, url: str) -> None:
    client.force_login(charlie)
    assert client.get(f"/acme-health/{url}").status_code == 404


def test_the_sidebar_shows_what_a_role_may_open(workspace: Workspace) -> None:
    labels = {}
    for name, rights in (("owner", RIGHTS[Role.OWNER]), ("auditor", RIGHTS[Role.AUDITOR]), ("member", MEMBER_RIGHTS)):
        labels[name] = [item.label for item in sidebar(workspace, rights, "/acme-health/home")]
    assert labels == {
        "owner": ["Home", "Connections", "Privacy", "Settings"],
        "auditor": ["Home", "Settings"],
        "member": ["Home", "Settings"],
    }


def test_the_longest_match_is_current(workspace: Workspace) -> None:
    _, connections, *_, settings = sidebar(workspace, frozenset(Right), "/acme-health/sources/catalog/ios")
    assert [item.label for item in connections.children if item.current] == ["Catalog"]
    assert (connections.current, settings.current) == (True, False)
    _, connections, *_ = sidebar(workspace, frozenset(Right), "/acme-health/sources/x/overview")
    assert [item.label for item in connections.children if item.current] == ["Sources"]


def test_every_link_of_the_sidebar_opens(as_alice: Client) -> None:
    links = sidebar_links(page_of(as_alice, "/acme-health/home"))
    assert len(links) >= 4
    for link in links:
        page_of(as_alice, link)


def test_a_bare_member_is_told_to_ask_for_a_role(client: Client, workspace: Workspace) -> None:
    client.force_login(member(workspace, "dora", ""))
    page = page_of(client, "/acme-health/home")
    assert "Nothing is shared with you yet" in page
    assert client.get("/acme-health/sources").status_code == 403


def test_home_leads_a_newcomer_to_a_first_source(as_alice: Client) -> None:
    page = page_of(as_alice, "/acme-health/home")
    assert "Add your first source" in page


def test_home_counts(as_alice: Client, workspace: Workspace) -> None:
    source = SourceFactory(workspace=workspace)
    SourceFactory(workspace=workspace, enabled=False)
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    for days, outcome, count in (
        (0, "received", 1000),
        (3, "received", 500),
        (8, "received", 7),
        (0, "bad_request", 2),
    ):
        EventCount.objects.create(
            source=source, hour=hour - timedelta(days=days), event_type="track", outcome=outcome, count=count
        )
    page = page_of(as_alice, "/acme-health/home")
    tiles = re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", page)
    assert tiles == [
        ("Active sources", "1"),
        ("Active destinations", "0"),
        ("Events received", "1,500"),
        ("Events discarded", "2"),
    ]
    assert page.count('class="chart__bar"') == 7


def test_pages_carry_no_inline_style_or_script(as_alice: Client, workspace: Workspace) -> None:
    SourceFactory(workspace=workspace)
    for url in ("home", "sources", "sources/catalog", "settings/basic"):
        page = page_of(as_alice, f"/acme-health/{url}")
        assert " style=" not in page
        assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
        assert re.findall(r"\son[a-z]+=", page) == []


def test_signed_in_pages_are_not_stored(as_alice: Client) -> None:
    assert "no-store" in as_alice.get("/acme-health/home").headers["Cache-Control"]


def test_error_pages_say_what_to_do(client: Client, bob: User) -> None:
    client.force_login(bob)
    assert "There is no such page" in client.get("/nope").content.decode()
    refused = client.get("/acme-health/sources/catalog/ios/add")
    assert refused.status_code == 403
    assert "right to add sources" in refused.content.decode()


def test_an_expired_form(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    response = strict.post("/acme-health/settings/basic", {"name": "X"})
    assert response.status_code == 403
    assert "This form has expired" in response.content.decode()


def _broken(request: object) -> None:
    raise RuntimeError("secret detail")


urlpatterns = [path("broken", _broken)]


def test_the_500_page_tells_nothing_of_the_inside(client: Client, settings: pytest.FixtureRequest) -> None:
    settings.ROOT_URLCONF = __name__
    client.raise_request_exception = False
    response = client.get("/broken")
    assert response.status_code == 500
    assert "Something went wrong" in response.content.decode()
    assert b"secret detail" not in response.content


def test_alive_and_ready(client: Client, db: None) -> None:
    assert client.get("/healthz").content == b"ok\n"
    assert client.get("/readyz").content == b"ready\n"


def test_not_ready_where_the_event_log_cannot_be_written(
    client: Client, db: None, settings: pytest.FixtureRequest, tmp_path: Path
) -> None:
    file = tmp_path / "events"
    file.write_text("a file where a folder should be")
    settings.EVENT_LOG_DIR = file
    response = client.get("/readyz")
    assert (response.status_code, response.content) == (503, b"not ready\n")
