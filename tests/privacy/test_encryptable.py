"""What the *Fields* control offers, and how a choice comes back from the form."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from destinations.models import EncryptedField
from privacy.custom_matchers import MatcherAnswers, create_matcher
from privacy.encryptable import (
    CUSTOM_MATCHER,
    DEFAULT_MATCHER,
    INVENTORY,
    SYNONYM,
    EncryptableField,
    choose,
    encryptable_fields,
)
from privacy.matchers import DEFAULT_MATCHERS
from privacy.models import InventoryField
from tests.factories import WorkspaceFactory
from workspaces.models import User, Workspace

YELLOW = sorted(matcher.name for matcher in DEFAULT_MATCHERS if matcher.classification == "yellow")


def classify(workspace: Workspace, **names: str) -> None:
    for name, classification in names.items():
        InventoryField.objects.create(workspace=workspace, name=name.replace("__", "."), classification=classification)


def add(workspace: Workspace, alice: User, name: str, **facts: Any) -> None:
    create_matcher(workspace, MatcherAnswers(name=name, **facts), actor=alice)


def references(workspace: Workspace) -> list[str]:
    return [field.reference for field in encryptable_fields(workspace)]


def test_an_empty_inventory_leaves_the_yellow_default_matchers(workspace: Workspace) -> None:
    assert references(workspace) == YELLOW


def test_yellow_inventory_fields_follow_by_name(workspace: Workspace) -> None:
    classify(workspace, ward="yellow", chart_number="yellow", plan="green", pin="red")
    assert references(workspace) == [*YELLOW, "chart_number", "ward"]


def test_a_default_matcher_as_a_choice(workspace: Workspace) -> None:
    field = next(field for field in encryptable_fields(workspace) if field.reference == "birthdate")
    assert field == EncryptableField("default_matcher", "birthdate", "birthdate", ("birthdate", "dob"))
    assert field.value == "default_matcher:birthdate"


def test_an_inventory_field_as_a_choice(workspace: Workspace) -> None:
    classify(workspace, chart_number="yellow")
    assert encryptable_fields(workspace)[-1] == EncryptableField(
        "inventory", "chart_number", "chart_number", ("chart_number",)
    )


def test_a_dotted_path_stands_for_its_last_key_too(workspace: Workspace) -> None:
    classify(workspace, patient__chartNo="yellow")
    field = encryptable_fields(workspace)[-1]
    assert (field.reference, field.terms) == ("patient.chartNo", ("patient.chartNo", "chartNo"))


def test_a_path_without_a_last_key_stands_for_itself(workspace: Workspace) -> None:
    classify(workspace, patient__="yellow")
    assert encryptable_fields(workspace)[-1].terms == ("patient.",)


@pytest.mark.parametrize("name", ["email", "Email", "e_mail", "E-MAIL"])
def test_red_in_the_inventory_takes_a_default_matcher_away(workspace: Workspace, name: str) -> None:
    classify(workspace, **{name: "red"})
    assert references(workspace) == [matcher for matcher in YELLOW if matcher != "email"]


def test_green_in_the_inventory_does_not(workspace: Workspace) -> None:
    classify(workspace, email="green")
    assert references(workspace) == YELLOW


def test_another_workspace_does_not_count(workspace: Workspace) -> None:
    classify(WorkspaceFactory(name="Umbrella", slug="umbrella"), email="red", ward="yellow")
    assert references(workspace) == YELLOW


def test_two_queries(workspace: Workspace, alice: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    classify(workspace, ward="yellow", chart="yellow", pin="red")
    add(workspace, alice, "room", synonyms=("bed", "floor"))
    with django_assert_num_queries(2):
        encryptable_fields(workspace)


def test_yellow_matchers_on_keys_and_their_synonyms_follow_the_default_ones(workspace: Workspace, alice: User) -> None:
    classify(workspace, ward="yellow")
    add(workspace, alice, "chart number", synonyms=("mrn", "chartNo"))
    add(workspace, alice, "room", synonyms=("bed", "MRN"))
    add(workspace, alice, "pin", classification="red", synonyms=("puk",))
    add(workspace, alice, "case id", matches_on="value", synonyms=("C-[0-9]+",))
    chosen = [(field.value, field.terms) for field in encryptable_fields(workspace)[len(YELLOW) :]]
    assert chosen == [
        ("custom_matcher:chart number", ("chart number", "mrn", "chartNo")),
        ("custom_matcher:room", ("room", "bed", "MRN")),
        ("synonym:MRN", ("MRN",)),
        ("synonym:bed", ("bed",)),
        ("synonym:chartNo", ("chartNo",)),
        ("inventory:ward", ("ward",)),
    ]


@pytest.mark.parametrize("facts", [{}, {"classification": "red"}, {"matches_on": "value", "synonyms": ("@",)}])
def test_a_custom_matcher_overrides_the_default_one(workspace: Workspace, alice: User, facts: dict[str, Any]) -> None:
    add(workspace, alice, "E-Mail", **facts)
    offered = [field.value for field in encryptable_fields(workspace)]
    assert "default_matcher:email" not in offered
    assert ("custom_matcher:E-Mail" in offered) is not bool(facts)


def test_red_in_the_inventory_takes_a_custom_matcher_and_a_synonym_away(workspace: Workspace, alice: User) -> None:
    classify(workspace, Room="red", bed="red")
    add(workspace, alice, "room")
    add(workspace, alice, "place", synonyms=("Bed", "floor"))
    custom = [field.value for field in encryptable_fields(workspace)[len(YELLOW) :]]
    assert custom == ["custom_matcher:place", "synonym:floor"]


def test_choices_come_back_once_and_in_order(workspace: Workspace) -> None:
    classify(workspace, ward="yellow")
    sent = ["inventory:ward", "default_matcher:phone", "default_matcher:email", "inventory:ward"]
    chosen = [field.value for field in choose(workspace, sent)]
    assert chosen == ["default_matcher:email", "default_matcher:phone", "inventory:ward"]


def test_nothing_chosen(workspace: Workspace) -> None:
    assert choose(workspace, []) == []


@pytest.mark.parametrize("value", ["", "email", "default_matcher:password", "inventory:email", "default_matcher:Email"])
def test_what_is_not_offered_cannot_be_chosen(workspace: Workspace, value: str) -> None:
    with pytest.raises(ValueError, match="cannot be encrypted") as refused:
        choose(workspace, ["default_matcher:email", value])
    assert repr(value) in str(refused.value)
    assert "default_matcher:email," not in str(refused.value)


def test_kinds_are_those_the_destinations_store() -> None:
    assert {DEFAULT_MATCHER, CUSTOM_MATCHER, SYNONYM, INVENTORY} == set(EncryptedField.Kind.values)
