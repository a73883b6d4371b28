"""Masking: keys stay, values that any rule holds for restricted become dots of one length, and nothing raises."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from privacy.custom_matchers import MatcherAnswers, create_matcher
from privacy.explain import explain
from privacy.inventory import classify_field
from privacy.json_lines import numbered
from privacy.masking import MASK, Masks, all_seen_by, masks_of, seen_by
from privacy.models import Classification
from privacy.rules.book import RuleBook
from tests.factories import SourceFactory, WorkspaceFactory
from tests.privacy.observing import observe, track
from workspaces.access import access_of
from workspaces.models import Source, User, Workspace

RED, YELLOW, GREEN = Classification.RED, Classification.YELLOW, Classification.GREEN
EVENT: dict[str, Any] = {
    "type": "track",
    "event": "Visit Booked",
    "userId": "patient-1",
    "anonymousId": "a-1",
    "context": {"ip": "203.0.113.7", "library": {"name": "x", "version": "1"}, "traits": {"plan": "gold"}},
    "properties": {
        "email": "ana@example.com",
        "note": "call ana@example.com",
        "ssn": None,
        "visits": [{"diagnosis": "asthma", "clinic": "North"}],
        "address": {"lines": ["Elm 5"], "floor": 2},
        "panel": "A",
    },
}


def test_keys_and_shape_stay(workspace: Workspace) -> None:
    assert masks_of(workspace.pk).event(EVENT) == {
        "type": "track",
        "event": "Visit Booked",
        "userId": MASK,
        "anonymousId": MASK,
        "context": {"ip": MASK, "library": {"name": "x", "version": "1"}, "traits": {"plan": "gold"}},
        "properties": {
            "email": MASK,
            "note": MASK,
            "ssn": None,
            "visits": [{"diagnosis": MASK, "clinic": "North"}],
            "address": {"lines": [MASK], "floor": MASK},
            "panel": "A",
        },
    }


def test_the_inventory_and_matchers_add_to_it(workspace: Workspace, alice: User) -> None:
    classify_field(workspace, name="panel", classification=YELLOW, actor=alice)
    create_matcher(workspace, MatcherAnswers("clinic", "red"), actor=alice)
    shown = masks_of(workspace.pk).event(EVENT)["properties"]
    assert (shown["panel"], shown["visits"][0]["clinic"]) == (MASK, MASK)


def test_green_never_unmasks(workspace: Workspace, alice: User) -> None:
    classify_field(workspace, name="panel", classification=RED, actor=alice)
    classify_field(workspace, name="panel", classification=GREEN, actor=alice)
    classify_field(workspace, name="email", classification=GREEN, actor=alice)
    shown = masks_of(workspace.pk).event(EVENT)["properties"]
    assert (shown["panel"], shown["email"]) == (MASK, MASK)


def test_green_that_never_was_restricted_stays_clear(workspace: Workspace, alice: User) -> None:
    classify_field(workspace, name="panel", classification=GREEN, actor=alice)
    assert masks_of(workspace.pk).event(EVENT)["properties"]["panel"] == "A"


@pytest.mark.django_db
def test_a_field_that_a_value_gave_away_is_masked_whatever_it_holds_next(
    workspace: Workspace, source: Source, alice: User, bob: User
) -> None:
    observe(source, track(reference="jo@example.com", remark="x", kin={"reference": "y"}))
    event = track(reference="ask for Ana", remark="ask for Ana", kin={"reference": "Ana"}, refs=[{"reference": "Ana"}])
    assert explain(workspace, "reference", access=access_of(alice, workspace)).masked
    shown = seen_by(access_of(bob, workspace), workspace.pk, event)["properties"]
    assert shown == {
        "reference": MASK,
        "remark": "ask for Ana",
        "kin": {"reference": "Ana"},
        "refs": [{"reference": "Ana"}],
    }
    assert [masked["properties"] for masked in all_seen_by(access_of(bob, workspace), workspace.pk, [event])] == [shown]


@pytest.mark.django_db
def test_what_a_value_gave_away_in_one_workspace_masks_nothing_in_another(source: Source, workspace: Workspace) -> None:
    other = SourceFactory(workspace=WorkspaceFactory(name="Umbrella", slug="umbrella"))
    observe(other, track(reference="jo@example.com"))
    event = track(reference="north")
    assert masks_of(workspace.pk, [event]).event(event)["properties"] == {"reference": "north"}
    assert masks_of(other.workspace_id, [event]).event(event)["properties"] == {"reference": MASK}


@pytest.mark.parametrize("kind", ["page", "screen"])
def test_fields_beside_the_documented_ones_are_masked_by_their_names(kind: str) -> None:
    masks = Masks(RuleBook(), frozenset({"panel"}))
    beside = {"diagnosis": "asthma", "panel": "A", "patient": {"lastName": "Doe"}, "ward": "North"}
    assert masks.event({"type": "identify", "name": "Jo", **beside}) == {
        "type": "identify",
        "name": MASK,
        "diagnosis": MASK,
        "panel": MASK,
        "patient": {"lastName": MASK},
        "ward": "North",
    }
    assert masks.event({"type": kind, "name": "Home", "category": "Docs"})["name"] == "Home"


@pytest.mark.django_db
def test_only_pii_access_sees_through(workspace: Workspace, alice: User, bob: User) -> None:
    assert seen_by(access_of(alice, workspace), workspace.pk, EVENT) == EVENT
    assert seen_by(access_of(bob, workspace), workspace.pk, EVENT)["properties"]["email"] == MASK


def test_one_value() -> None:
    masks = Masks(RuleBook(), frozenset({"panel"}))
    assert masks.value("user.email", "x") == MASK
    assert masks.value("lab.Panel", 5) == MASK
    assert masks.value("plan", "gold") == "gold"
    assert masks.value("plan", "4111 1111 1111 1111") == MASK


def test_all_masks_have_one_length() -> None:
    masks = Masks(RuleBook(), frozenset())
    assert masks.value("email", "a") == masks.value("email", "a" * 99) == "••••••••"


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=30,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.text(max_size=12) | st.sampled_from(["context", "properties"]), ANY_JSON, max_size=4))
def test_any_event_is_masked_and_drawn(event: dict[str, Any]) -> None:
    shown = Masks(RuleBook(), frozenset()).event(event)
    assert list(shown) == list(event)
    assert [line.number for line in numbered(shown, "x")] == list(range(1, len(numbered(shown, "x")) + 1))


def test_what_is_too_deep_is_not_shown() -> None:
    deep: Any = "secret"
    for _ in range(900):
        deep = {"k": [deep]}
    shown = Masks(RuleBook(), frozenset()).event({"properties": deep})
    text = "\n".join(line.text for line in numbered(shown, "k"))
    assert "secret" not in text
    assert len(text) < 5000


def test_lines_of_the_field_are_marked_wherever_it_stands() -> None:
    event = {"event": "x", "properties": {"event": 1, "items": [{"id": 1}, {"id": 2}]}}
    assert [line.number for line in numbered(event, "items.id") if line.marked] == [7, 10]
    assert [line.text for line in numbered(event, "event") if line.marked] == ['"event": 1,']
