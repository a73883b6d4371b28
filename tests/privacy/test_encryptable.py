"""What the *Fields* control offers, and how a choice comes back from the form."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from destinations.models import EncryptedField
from privacy.encryptable import DEFAULT_MATCHER, INVENTORY, EncryptableField, choose, encryptable_fields
from privacy.matchers import DEFAULT_MATCHERS
from privacy.models import InventoryField
from tests.factories import WorkspaceFactory
from workspaces.models import Workspace

YELLOW = sorted(matcher.name for matcher in DEFAULT_MATCHERS if matcher.classification == "yellow")


def classify(workspace: Workspace, **names: str) -> None:
    for name, classification in names.items():
        InventoryField.objects.create(workspace=workspace, name=name.replace("__", "."), classification=classification)


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


def test_one_query(workspace: Workspace, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    classify(workspace, ward="yellow", chart="yellow", pin="red")
    with django_assert_num_queries(1):
        encryptable_fields(workspace)


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
    assert (DEFAULT_MATCHER, INVENTORY) == (EncryptedField.Kind.DEFAULT_MATCHER, EncryptedField.Kind.INVENTORY)
