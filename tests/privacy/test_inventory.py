"""The inventory's verbs: what is classified holds in every spelling, for masking, inbox and blocking alike."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied

from audit.models import AuditRow
from privacy.inventory import classify_field, classify_fields
from privacy.models import Classification, ClassificationChange, InventoryField, ObservedField, RuleRevision
from tests.privacy.observing import field, observe, track
from workspaces.models import Source, User, Workspace

RED, YELLOW, GREEN = Classification.RED, Classification.YELLOW, Classification.GREEN

pytestmark = pytest.mark.django_db(transaction=True)


def in_inbox() -> list[str]:
    return sorted(ObservedField.objects.filter(in_inventory=False).values_list("name", flat=True))


def test_a_class_holds_for_every_spelling_and_depth(source: Source, alice: User) -> None:
    observe(source, track(member_id=1, contact={"memberId": 2}, other=3))
    entry = classify_field(source.workspace, name="Member-ID", classification=RED, actor=alice)
    assert in_inbox() == ["other"]
    assert set(entry.observed.values_list("name", flat=True)) == {"member_id", "contact.memberId"}
    observe(source, track(deep={"MEMBER_ID": 4}))
    assert field("deep.MEMBER_ID").entry == entry
    assert in_inbox() == ["other"]


def test_an_entry_for_the_whole_of_a_field_goes_before_one_for_its_key(source: Source, alice: User) -> None:
    observe(source, track(contact={"phone": 1}, phone=2))
    whole = classify_field(source.workspace, name="contact.phone", classification=RED, actor=alice)
    key = classify_field(source.workspace, name="phone", classification=GREEN, actor=alice)
    assert (field("contact.phone").entry, field("phone").entry) == (whole, key)


def test_another_spelling_is_the_same_entry(workspace: Workspace, alice: User) -> None:
    classify_field(workspace, name="first_name", classification=RED, actor=alice)
    classify_field(workspace, name="firstName", classification=GREEN, reason="names of clinics", actor=alice)
    entry = InventoryField.objects.get()
    assert (entry.name, entry.classification, entry.was_restricted) == ("first_name", "green", True)
    changes = ClassificationChange.objects.values_list("before", "after", "reason")
    assert list(changes) == [("red", "green", "names of clinics"), ("", "red", "")]


def test_many_at_once_are_one_change_of_the_rules_and_a_row_each(workspace: Workspace, alice: User) -> None:
    classify_fields(workspace, {"a": RED, "b": YELLOW}, actor=alice)
    assert RuleRevision.objects.get().revision == 1
    rows = AuditRow.objects.filter(event_type="Field Classification Changed").order_by("pk")
    assert [(row.object_label, row.details["after"]) for row in rows] == [("a", "red"), ("b", "yellow")]


def test_those_without_the_right_change_nothing(source: Source, bob: User) -> None:
    observe(source, track(email="a"))
    with pytest.raises(PermissionDenied):
        classify_field(source.workspace, name="email", classification=RED, actor=bob)
    assert not InventoryField.objects.exists()
    assert in_inbox() == ["email"]
