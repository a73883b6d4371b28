"""Scanning in the pipeline: fields of every event, counted, sampled, and added up by workers side by side."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from django.db import transaction

from privacy.inventory import classify_field
from privacy.models import Classification, FieldEvent, FieldHour, ObservedField
from privacy.scanning import store
from privacy.scanning.scan import Scanner, Sightings
from tests.factories import SourceFactory
from tests.privacy.observing import observe, track
from workspaces import name_counts
from workspaces.models import Source, User, Workspace
from workspaces.sealing import unseal

NOW = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
HOUR = NOW.replace(minute=0)
EVENT = {
    "type": "track",
    "event": "Visit Booked",
    "userId": "user-1",
    "context": {"ip": "203.0.113.7"},
    "properties": {"patients": [{"lastName": "Garcia"}, {"lastName": "Ruiz"}], "contact": "ana@example.com", "n": 3},
}


def scan(scanner: Scanner, source: Source, *events: dict[str, Any], at: datetime = NOW) -> Sightings:
    """What a worker notes of these events."""
    sightings = Sightings()
    scanner.begin()
    for event in events:
        look = scanner.look(source.pk, event, at.replace(minute=0))
        assert look is not None
        sightings.keep_samples(source.pk, event, look.fields)
        sightings.count(look, at)
    return sightings


def write(sightings: Sightings) -> list[str]:
    with transaction.atomic():
        return [field.name for field in store.write(sightings)]


pytestmark = pytest.mark.django_db(transaction=True)


def test_each_field_has_a_row_with_what_the_rules_say_and_a_sealed_sample(source: Source) -> None:
    assert write(scan(Scanner(), source, EVENT)) == ["contact", "ip", "n", "patients.lastName"]
    told = {row.name: (row.recommended, row.rule, row.how, row.by_value) for row in ObservedField.objects.all()}
    assert told == {
        "contact": ("yellow", "email", "value check", True),
        "ip": ("yellow", "ip", "exact", False),
        "n": ("green", "", "", False),
        "patients.lastName": ("yellow", "name", "word", False),
    }
    row = ObservedField.objects.get(name="contact")
    assert orjson.loads(unseal(bytes(row.sealed_sample), bound_to=row.pk.bytes)) == EVENT
    assert b"ana@example.com" not in bytes(row.sealed_sample)


def test_counts_are_by_hour_source_and_event_and_a_field_counts_once_an_event(source: Source) -> None:
    scanner = Scanner()
    write(scan(scanner, source, EVENT, EVENT))
    write(scan(scanner, source, {**EVENT, "event": "Visit Moved"}, at=NOW + timedelta(hours=1)))
    field = ObservedField.objects.get(name="patients.lastName")
    assert (field.first_seen, field.last_seen) == (NOW, NOW + timedelta(hours=1))
    assert list(FieldHour.objects.filter(field=field).order_by("hour").values_list("hour", "count")) == [
        (HOUR, 2),
        (HOUR + timedelta(hours=1), 1),
    ]
    assert sorted(FieldEvent.objects.filter(field=field).values_list("event", "count")) == [
        ("Visit Booked", 2),
        ("Visit Moved", 1),
    ]


def test_the_surplus_of_a_sources_event_names_counts_together(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_counts, "MOST_NAMES", 2)
    page = {"type": "page", "userId": "u1", "properties": {"plan": "gold"}}
    observe(source, *(track(f"Opened {number}", plan="gold") for number in (1, 2, 3, 4, 1)), page)
    rows = FieldEvent.objects.filter(field__name="plan")
    assert sorted(rows.values_list("event_type", "event", "count")) == [
        ("page", "page", 1),
        ("track", "(other names)", 2),
        ("track", "Opened 1", 2),
        ("track", "Opened 2", 1),
    ]
    assert FieldHour.objects.get(field__name="plan").count == 6


def test_two_workers_that_know_nothing_of_each_other_add_up(source: Source) -> None:
    one, other = scan(Scanner(), source, EVENT), scan(Scanner(), source, EVENT, EVENT)
    assert write(one) == ["contact", "ip", "n", "patients.lastName"]
    assert write(other) == []
    assert set(FieldHour.objects.values_list("count", flat=True)) == {3}
    assert ObservedField.objects.count() == 4


def test_a_write_that_is_rolled_back_is_written_again_in_full(source: Source) -> None:
    sightings = scan(Scanner(), source, EVENT)
    with transaction.atomic():
        store.write(sightings)
        transaction.set_rollback(True)
    assert ObservedField.objects.count() == 0
    write(sightings)
    assert set(FieldHour.objects.values_list("count", flat=True)) == {1}


def test_a_classified_field_is_not_in_the_inbox(workspace: Workspace, source: Source, alice: User) -> None:
    write(scan(Scanner(), source, EVENT))
    classify_field(workspace, name="ip", classification=Classification.RED, actor=alice)
    assert ObservedField.objects.get(name="ip").in_inventory
    classify_field(workspace, name="fresh", classification=Classification.RED, actor=alice)
    write(scan(Scanner(), source, {**EVENT, "properties": {"fresh": 1}}))
    assert ObservedField.objects.get(name="fresh").in_inventory


def test_a_source_that_is_gone_is_left_out(workspace: Workspace) -> None:
    gone = SourceFactory(workspace=workspace)
    sightings = scan(Scanner(), gone, EVENT)
    gone.delete()
    assert write(sightings) == []
    assert ObservedField.objects.count() == 0


def test_names_no_table_can_hold_are_made_storable(source: Source) -> None:
    event = {**EVENT, "event": "a\0b", "properties": {"x\0y": 1, "": 2, "é" * 300: 3}}
    assert write(scan(Scanner(), source, event)) == ["(empty)", "ip", "x\ufffdy", "é" * 200]
    assert set(FieldEvent.objects.values_list("event", flat=True)) == {"a\ufffdb"}
