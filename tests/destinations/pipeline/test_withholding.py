"""Hold unclassified fields: only green and encrypted yellow ones leave, in every shape an event may have."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from audit.models import AuditRow
from destinations.connections import hold_unclassified
from destinations.field_reach import Gets, reach_of
from destinations.models import Destination, WithheldCount
from destinations.pipeline.withholding import Withholding
from privacy.inventory import classify_field
from privacy.models import Classification
from tests.destinations.factories import append_events, encrypt_for, opened, track
from tests.destinations.pipeline.driving import Driven
from tests.destinations.receivers import Receiver
from workspaces.access import access_of
from workspaces.models import Source, User, Workspace

GREEN, YELLOW, RED = Classification.GREEN, Classification.YELLOW, Classification.RED
CLASSES = {"plan": "green", "email": "yellow", "ssn": "red", "visit.room": "green"}


def holding(*encrypted: str) -> Withholding:
    return Withholding(
        lambda path: CLASSES.get(path) or CLASSES.get(path.rpartition(".")[2]), frozenset(encrypted).__contains__
    )


def test_only_green_and_encrypted_yellow_are_left() -> None:
    event = track(
        "m-1",
        properties={"plan": "gold", "email": "a@b.c", "ssn": "1", "odd": 2, "visit": {"room": 4, "note": "x"}},
        context={"ip": "192.0.2.1", "list": [{"plan": 1}, {"odd": [1, 2]}, 7], "none": None},
    )
    before = copy.deepcopy(event)
    left, removed = holding("email").apply(event)
    assert left == {
        **event,
        "properties": {"plan": "gold", "email": "a@b.c", "visit": {"room": 4}},
        "context": {"list": [{"plan": 1}, {"odd": []}], "none": None},
    }
    assert (removed, event) == (7, before)
    assert holding().apply(event)[0]["properties"] == {"plan": "gold", "visit": {"room": 4}}


def test_below_an_encrypted_key_yellow_counts_as_encrypted() -> None:
    assert holding("contact").apply({"traits": {"contact": {"email": "a", "ssn": "b"}}}) == (
        {"traits": {"contact": {"email": "a"}}},
        1,
    )


@pytest.mark.parametrize("held", ["Jo, ssn 078-05-1120", 7, True])
def test_what_stands_where_an_object_belongs_is_of_no_field_and_stays(held: object) -> None:
    """Ingest asks no track call for the shape of its `traits`."""
    event = track("m-1", traits=held, property=held, properties={"plan": 1})
    assert holding().apply(event) == (track("m-1", traits=None, property=None, properties={"plan": 1}), 2)


def test_an_event_with_nothing_to_hold_is_the_same_object() -> None:
    event = track("m-1", properties={"plan": 1})
    assert holding().apply(event)[0] is event


KEYS = st.sampled_from([*CLASSES, "odd", ""])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


def scalars(value: Any, key: str = "") -> list[tuple[str, Any]]:
    """Every scalar with the key it stands under."""
    if isinstance(value, dict):
        return [found for name, held in value.items() for found in scalars(held, name)]
    if isinstance(value, list):
        return [found for held in value for found in scalars(held, key)]
    return [] if value is None else [(key, value)]


@given(JSON)
def test_whatever_the_shape_nothing_else_leaves_and_nothing_is_lost_uncounted(value: Any) -> None:
    event = {"type": "track", "properties": value}
    left, removed = holding("email").apply(event)
    there, gone = scalars(left["properties"]), scalars(value)
    assert {key for key, _ in there} <= {"plan", "email", "visit.room"}
    assert len(gone) - len(there) == removed


@pytest.fixture
def held(destination: Destination, alice: User) -> Destination:
    encrypt_for(destination, "email")
    hold_unclassified(destination, actor=alice, on=True)
    return destination


def test_what_arrives_and_what_is_counted(
    worker: Driven, workspace: Workspace, source: Source, held: Destination, receiver: Receiver, alice: User
) -> None:
    for name, said in (("plan", GREEN), ("email", YELLOW), ("phone", YELLOW), ("ssn", RED)):
        classify_field(workspace, name=name, classification=said, actor=alice)
    values = {"plan": "gold", "email": "jo@example.com", "phone": "1", "ssn": "2", "note": "canary-5150"}
    append_events(source, track("m-1", properties=values), track("m-1", properties=values))
    worker.work_off()
    (got,) = receiver.got
    assert set(got.json["properties"]) == {"plan", "email"}
    assert opened(got.json["properties"]["email"]) == "jo@example.com"
    assert b"canary-5150" not in got.body
    assert [(row.destination, row.count) for row in WithheldCount.objects.all()] == [(held, 3)]


def test_a_field_that_is_classified_leaves_from_then_on(
    worker: Driven, workspace: Workspace, source: Source, held: Destination, receiver: Receiver, alice: User
) -> None:
    append_events(source, track("m-1", properties={"plan": "gold"}))
    worker.work_off()
    classify_field(workspace, name="plan", classification=GREEN, actor=alice)
    append_events(source, track("m-2", properties={"plan": "gold"}))
    worker.work_off()
    assert [got.json["properties"] for got in receiver.got] == [{}, {"plan": "gold"}]


def test_it_is_switched_in_the_settings_and_on_record(
    client: Client, destination: Destination, receiver: Receiver, alice: User
) -> None:
    client.force_login(alice)
    url = f"/acme-health/destinations/{destination.pk}/settings"
    page = client.get(url).content.decode()
    assert "Hold unclassified fields" in page
    basic = {"name": destination.name, "enabled": "on", "settings-url": receiver.url, "revision": 1}
    assert client.post(url, {**basic, "hold_unclassified": "on"}).status_code == 302
    destination.refresh_from_db()
    assert destination.hold_unclassified
    assert "Values held, 7 days" in client.get(url).content.decode()
    rows = AuditRow.objects.filter(event_type="Destination Modified")
    assert {"changed": ["hold_unclassified"], "after": True} in [row.details for row in rows]


def test_it_is_for_hipaa_workspaces_and_stays_on_when_the_baa_ends(
    client: Client, workspace: Workspace, destination: Destination, alice: User, bob: User
) -> None:
    with pytest.raises(PermissionDenied):
        hold_unclassified(destination, actor=bob, on=True)
    Workspace.objects.filter(pk=workspace.pk).update(baa_signed_on=None)
    destination.refresh_from_db()
    with pytest.raises(PermissionDenied):
        hold_unclassified(destination, actor=alice, on=True)
    client.force_login(alice)
    url = f"/acme-health/destinations/{destination.pk}/settings"
    assert "Hold unclassified fields" not in client.get(url).content.decode()
    Destination.objects.update(hold_unclassified=True)
    assert "Hold unclassified fields" in client.get(url).content.decode()


def test_the_portal_says_what_it_gets(workspace: Workspace, source: Source, held: Destination, alice: User) -> None:
    for name, said in (("plan", GREEN), ("email", YELLOW), ("phone", YELLOW), ("ssn", RED)):
        classify_field(workspace, name=name, classification=said, actor=alice)

    def gets(name: str) -> Gets:
        (reach,) = reach_of(workspace, [name], [source.pk], access=access_of(alice, workspace))
        return reach.gets

    told = {name: gets(name) for name in ("plan", "email", "phone", "ssn", "odd")}
    nothing = dict.fromkeys(("phone", "ssn", "odd"), Gets.NOTHING)
    assert told == {"plan": Gets.CLEAR, "email": Gets.ENCRYPTED, **nothing}
