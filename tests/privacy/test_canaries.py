"""Seeded values of red fields and of deleted users, looked for in every table, opened, and in every file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from destinations.deletion import sweep as sweeping
from destinations.models import Delivery, Destination
from privacy.inventory import classify_field
from privacy.models import BlockedCount, Classification, ObservedField, Regulation
from privacy.regulations import request_regulation
from privacy.standard_controls import block_red_fields
from tests.destinations.factories import DestinationFactory, append_events, track
from tests.destinations.pipeline.driving import Driven
from tests.destinations.receivers import Answer, Got, Receiver, receiving
from tests.ingest import Ingest
from tests.kept import files, places_of
from tests.servers import Server, run_server
from workspaces.models import Source, User, Workspace

pytestmark = pytest.mark.django_db(transaction=True)

RED = "canary-red-7391"  # with a number for each place it stands at
BESIDE = "beside-4420"  # what goes on: the search itself would find it
GONE, STAYS = "gone-canary-1188", "stays-5527"


@pytest.fixture(scope="module")
def server(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def destination(source: Source, receiver: Receiver, settings: Any) -> Destination:
    settings.DELIVERY_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    return DestinationFactory(source=source, url=receiver.url)


@pytest.fixture
def worker(destination: Destination) -> Iterator[Driven]:
    driven = Driven()
    yield driven
    driven.close()


class Numbered:
    """Canaries, each with the number of its place."""

    def __init__(self) -> None:
        self.count = 0

    def __str__(self) -> str:
        self.count += 1
        return f"{RED}-{self.count}"


def held(red: Numbered) -> dict[str, Any]:
    """An object that holds a red field at every kind of place, in several spellings."""
    return {
        "ssn": str(red),
        "SSN": [str(red), {"deep": str(red)}],
        "patient": {"s_s_n": str(red), "visits": [[{"Ssn": {"value": str(red)}}], {"note": BESIDE, "ssn": str(red)}]},
        "clinic": BESIDE,
    }


def calls(red: Numbered) -> list[tuple[str, dict[str, Any]]]:
    """One request of each kind with the field wherever an event may hold it."""
    both = {"userId": "u1", "context": {**held(red), "traits": held(red)}}
    event = {"event": "Visit", "properties": held(red)}
    items = [
        {"type": "track", **both, **event},
        {"type": "identify", **both, "traits": held(red)},
        {"type": "group", **both, "groupId": "g1", "traits": held(red)},
    ]
    return [
        ("/v1/track", {**both, **event}),
        ("/v1/identify", {**both, "traits": held(red)}),
        ("/v1/page", {**both, "name": "Home", "properties": held(red)}),
        ("/v1/screen", {**both, "name": "Home", "properties": held(red)}),
        ("/v1/group", {**both, "groupId": "g1", "traits": held(red)}),
        ("/v1/alias", {**both, "previousId": "u0"}),
        ("/v1/batch", {"batch": items, "context": {**held(red), "traits": held(red)}}),
        ("/v1/batch", {"batch": [*items, {"type": "nonsense", "properties": held(red)}]}),
    ]


def twice(key: str, red: Numbered) -> bytes:
    """Requests in which a key stands twice: readers take the second, the bytes hold the first as well."""
    first, second = json.dumps({"ssn": str(red)}), json.dumps({"clinic": BESIDE})
    event = f'"userId": "u1", "event": "Visit", "{key}": {first}, "{key}": {second}'
    return f'{{"writeKey": "KEY", {event}}}'.encode()


def test_values_blocked_at_a_source_are_nowhere(
    server: Server, workspace: Workspace, source: Source, alice: User, worker: Driven, receiver: Receiver
) -> None:
    ingest, red = Ingest(server, source), Numbered()
    classify_field(workspace, name="ssn", classification=Classification.RED, actor=alice)
    block_red_fields(source, actor=alice)
    receiver.answer = lambda got: Answer((200, 400, 503)[len(receiver.got) % 3])
    for path, content in calls(red):
        assert ingest.post(path, content).status == 200
    for key in ("properties", "context"):
        body = twice(key, red).replace(b"KEY", ingest.key.encode())
        assert ingest.request("POST", "/v1/track", body).status == 200
    worker.work_off()
    assert BlockedCount.objects.get().field == "ssn"
    assert {row.status for row in Delivery.objects.all()} == {"waiting", "dead"}
    assert {"event log", "privacy_observedfield.sealed_sample", "destinations_delivery.sealed_body"} <= {
        place.replace("workspaces_logentry.body", "event log") for place in places_of(BESIDE)
    }
    assert red.count > 70
    assert places_of(RED) == set()
    assert RED.encode() not in b"".join(got.body for got in receiver.got)
    assert RED.encode() not in server.output.read_bytes()


def theirs(message_id: str, **properties: Any) -> dict[str, Any]:
    context = {"traits": {"email": f"{GONE}@example.com"}, "page": {"url": f"https://example.com/{GONE}"}}
    return track(message_id, userId=f"id-{GONE}", properties={"note": GONE * 40, **properties}, context=context)


def sealed_rows() -> list[bytes]:
    """A part of every sealed value that holds the user's own: what a file of the database must not hold any longer."""
    bodies = [bytes(row.sealed_body) for row in Delivery.objects.filter(message_id__startswith="gone")]
    bodies += [bytes(row.sealed_sample) for row in ObservedField.objects.filter(name="theirOwn")]
    return [body[-400:-100] for body in bodies if body]


def test_a_deleted_users_values_are_nowhere(
    workspace: Workspace,
    source: Source,
    alice: User,
    worker: Driven,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweeping, "SETTLING", timedelta(0))

    def answer(got: Got) -> Answer:
        return Answer(400 if "dead" in got.message_id else 503 if "waits" in got.message_id else 200)

    receiver.answer = answer
    append_events(source, theirs("gone-delivered", theirOwn=1), track("stays-waits", properties={"note": STAYS}))
    append_events(source, theirs("gone-waits"), theirs("gone-dead"))
    append_events(source, {"type": "alias", "userId": "u2", "previousId": f"id-{GONE}", "messageId": "gone-alias"})
    append_events(source, track("stays-dead", userId="u2", properties={"note": STAYS, "friend": [STAYS]}))
    worker.work_off()
    before = places_of(GONE)
    assert {"privacy_observedfield.sealed_sample", "destinations_delivery.sealed_body"} <= before
    assert len(sealed := sealed_rows()) == 3
    asked = request_regulation(
        workspace, regulation_type=Regulation.Type.SUPPRESS_WITH_DELETE_INTERNAL, user_id=f"id-{GONE}", actor=alice
    )

    def ended() -> bool:
        worker.real._deletions._due = 0.0
        asked.refresh_from_db()
        return asked.status == Regulation.Status.FINISHED

    worker.until(ended, "the deletion has ended")
    worker.turns()
    # The request itself and the list of suppressed users keep the id, sealed, for the pages that are meant for it.
    assert places_of(GONE) == {"privacy_regulation.sealed_user_id", "privacy_suppresseduser.sealed_user_id"}
    assert {step.place: step.removed for step in asked.steps.all()} == {
        "Event log": 4,
        "Waiting and undelivered events": 2,
        "Samples": 4,
    }
    assert {"privacy_observedfield.sealed_sample", "destinations_delivery.sealed_body"} <= places_of(STAYS)
    if connection.vendor == "sqlite":  # PostgreSQL's vacuum does this
        assert [path.name for path in files() if any(part in path.read_bytes() for part in sealed)] == []
