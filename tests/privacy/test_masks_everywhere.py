"""People without PII Access see masks everywhere: every page they reach is walked and searched for seeded values."""

from __future__ import annotations

import io
import re
import zipfile
from collections import deque
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import orjson
import pytest
from django.test import Client
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone

from audit.ids import new_id
from destinations import drafts
from destinations.delivery.ledger import sealed_answer, sealed_body
from destinations.models import Delivery, Destination
from destinations.settings_store import seal_settings
from privacy.inventory import classify_field
from privacy.models import Classification, ObservedField
from tests import factories
from tests.destinations.factories import append_events
from tests.privacy.observing import observe, track
from tests.test_access import ACCESS, World, in_workspace, nothing, of_destination, of_source
from workspaces.models import Source, User

SECRETS = {
    "email": "ana.secret@example.com",
    "ssn": "078-05-1120",
    "diagnosis": "seeded-diagnosis",
    "once_red": "seeded-once-red",
    "chart": "seeded-chart",
    "note": "call +1 212 555 2368 or ana.note@example.com",
    "ward": {"medication": ["seeded-medication"], "allergy": {"kind": "seeded-allergy"}},
    "reference": "seeded-reference",  # yellow because of a value it held before
}
PERSON = "seeded-person-77"
BESIDE = "seeded-beside"  # under a key of the event itself
VALUES = (
    "ana.secret@example.com",
    "078-05-1120",
    "seeded-diagnosis",
    "seeded-once-red",
    "seeded-chart",
    "212 555 2368",
    "ana.note@example.com",
    "seeded-medication",
    "seeded-allergy",
    "seeded-reference",
    PERSON,
    BESIDE,
)
CLEAR = "North-Wing-7"  # nobody holds it for restricted: shows that samples were seen at all
MOST_PAGES = 400
LEADS_OUT = ("/logout", "/admin/logout", "/goto-my-workspace")


# Pages that show an event or what became of one; `world` has one for each.
SHOW_EVENTS = {
    "source_debugger",
    "source_debugger_pretty",
    "source_debugger_raw",
    "destination_delivery_issue",
    "destination_discard",
    "destination_preview",
    "privacy_inbox_sample",
}


@pytest.fixture
def world(transactional_db: None, source: Source, alice: User, settings: Any, tmp_path: Path) -> World:
    settings.EVENT_LOG_DIR = tmp_path / "events"
    workspace = source.workspace
    for colour in (Classification.RED, Classification.GREEN):
        classify_field(workspace, name="once_red", classification=colour, actor=alice)
    classify_field(workspace, name="chart", classification=Classification.YELLOW, actor=alice)
    event = {**track(**SECRETS, clinic=CLEAR), "userId": PERSON, "diagnosis": BESIDE}
    observe(source, event)
    observe(source, track(reference="jo@example.com", clinic=CLEAR))
    append_events(source, event)
    destination = Destination(workspace=workspace, source=source, kind="webhooks", name="Care team")
    destination.sealed_settings = seal_settings({"url": "https://example.com/"}, owner_id=destination.pk)
    destination.save()
    refused(destination, event)
    return World(workspace, source, destination, drafts.start("webhooks", actor=alice, workspace=workspace))


def refused(destination: Destination, event: dict[str, Any]) -> None:
    """The event, first in the log, could not be delivered, and the receiver repeats it in its answer."""
    delivery_id, now = new_id(), timezone.now()
    Delivery.objects.create(
        id=delivery_id,
        workspace=destination.workspace,
        destination=destination,
        message_id=event["messageId"],
        event_type="track",
        received_at=now,
        status=Delivery.Status.DEAD,
        reason="errors.discarded.401",
        next_try_at=None,
        sealed_body=sealed_body(delivery_id, orjson.dumps(event)),
        sealed_answer=sealed_answer(delivery_id, b"refused: " + orjson.dumps(event)),
        log_partition=0,
        log_position=1,
        log_place=0,
    )


def kind_of(url: str) -> str:
    """The name of the route; empty where there is none."""
    try:
        return resolve(urlsplit(url).path).url_name or ""
    except Resolver404:
        return ""


def unpacked(body: bytes) -> str:
    """The text of an answer; of an archive, such as an evidence pack, that of all its files."""
    if not body.startswith(b"PK"):
        return body.decode(errors="replace")
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return "".join(archive.read(name).decode() for name in archive.namelist())


def walk(client: Client, world: World) -> dict[str, str]:
    """Every page, fragment and file that links lead to, from the home page and from every route of the table."""
    base = f"/{world.workspace.slug}/"
    plain = (nothing, in_workspace, of_source, of_destination)  # what the others lead to is linked somewhere
    start = [reverse(route.name, kwargs=route.arguments(world)) for route in ACCESS if route.arguments in plain]
    samples = [
        reverse("privacy_inbox_sample", args=[world.workspace.slug, field.pk]) for field in ObservedField.objects.all()
    ]
    waiting, seen = deque([f"{base}home", "/", "/admin/", *start, *samples]), dict[str, str]()
    kinds = {kind_of(url) for url in waiting}
    while waiting and len(seen) < MOST_PAGES:
        url = waiting.popleft()
        if url in seen or url.startswith(LEADS_OUT):
            continue
        seen[url] = ""
        for headers in ({}, {"HX-Request": "true"}):
            response = client.get(url, headers=headers)
            body = b"".join(response) if response.streaming else response.content
            seen[url] += unpacked(body)
        for link in re.findall(r'(?:href|hx-get|src)="([^"#]+)"', seen[url]):
            target = urlsplit(urljoin(url, link.replace("&amp;", "&")))
            if not target.netloc and not target.path.startswith("/static/"):
                found = target.path + (f"?{target.query}" if target.query else "")
                # Pages of a kind not met before come first: there are more addresses than anybody walks.
                waiting.append(found) if kind_of(found) in kinds else waiting.appendleft(found)
                kinds.add(kind_of(found))
    return seen


@pytest.mark.parametrize("persona", ["support", "source_admin", "source_read_only"])
def test_no_seeded_value_is_on_any_page(client: Client, world: World, persona: str) -> None:
    if persona == "support":
        client.force_login(factories.support_staff(world.workspace))
    else:
        client.force_login(factories.member(world.workspace, "dora", persona))
    seen = walk(client, world)
    # The audit log is meant for the ids of end users, and for those who may read it.
    found = {url: value for url, page in seen.items() for value in VALUES if value in page}
    found = {url: value for url, value in found.items() if value != PERSON or "audit" not in url}
    assert found == {}
    assert {kind_of(url) for url in seen} >= SHOW_EVENTS
    if persona == "support":
        shown = [url for url, page in seen.items() if CLEAR in page]
        assert len(shown) >= ObservedField.objects.count()


def test_an_event_loaded_into_the_tester_is_masked(client: Client, world: World, alice: User) -> None:
    tester = reverse("destination_tester", args=[world.workspace.slug, world.destination.pk])
    pages = []
    for person in (factories.member(world.workspace, "dora", "source_admin"), alice):
        client.force_login(person)
        pages.append(client.post(tester, {"do": "load", "type": "track"}).content.decode())
    assert [CLEAR in page for page in pages] == [True, True]
    assert [value for value in VALUES if value in pages[0]] == []
    assert [value for value in VALUES if value not in pages[1]] == []


def test_what_would_leave_of_a_new_destination_is_masked(client: Client, world: World, alice: User) -> None:
    pages = []
    for person in (factories.member(world.workspace, "dora", "source_admin"), alice):
        client.force_login(person)
        draft = drafts.start("webhooks", actor=person, workspace=world.workspace)
        drafts.choose_source(draft, world.source.pk, actor=person)
        url = reverse("setup_preview", args=[world.workspace.slug, draft.pk])
        pages.append(client.post(url, {"sample": ""}).content.decode())
    assert [CLEAR in page for page in pages] == [True, True]
    assert [value for value in VALUES if value in pages[0]] == []
    assert [value for value in VALUES if value not in pages[1]] == []


@pytest.mark.parametrize("scope", ["values", "payload"])
def test_the_debuggers_search_finds_no_masked_value(client: Client, world: World, alice: User, scope: str) -> None:
    url = reverse("source_debugger", args=[world.workspace.slug, world.source.slug])

    def found(person: User, word: str) -> bool:
        client.force_login(person)
        return "data-row" in client.post(url, {"scope": scope, "keyword": word}).content.decode()

    dora = factories.member(world.workspace, "dora", "source_admin")
    values = [value for value in VALUES if value not in {PERSON, BESIDE} or scope == "payload"]
    assert [value for value in values if found(dora, value)] == []
    assert [value for value in values if not found(alice, value)] == []


def test_an_owner_sees_the_same_pages_in_clear(client: Client, world: World, alice: User) -> None:
    client.force_login(alice)
    pages = "".join(walk(client, world).values())
    assert [value for value in VALUES if value not in pages] == []


@pytest.mark.parametrize("where", ["inbox", "inventory", "inbox/new"])
def test_a_search_tells_nothing_of_a_masked_value(client: Client, world: World, where: str) -> None:
    client.force_login(factories.support_staff(world.workspace))

    def answer(text: str) -> tuple[int, str]:
        response = client.get(f"/{world.workspace.slug}/privacy/{where}", {"q": text})
        told = re.search(r"<main.*</main>", response.content.decode(), re.DOTALL)
        known = re.sub(r"(since|known)=[^\"]+", "", told[0] if told else "").replace(text, "")
        return response.status_code, re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", known)

    assert answer("seeded-diagnosis") == answer("seeded-xxxxxxxxx")
