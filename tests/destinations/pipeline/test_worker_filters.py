"""Filters in the worker: what they keep back, what they shorten, and that a broken one lets nothing through."""

from __future__ import annotations

from typing import Any

import pytest

from destinations.filters import changing
from destinations.filters.builder import Answers, Condition
from destinations.models import Destination, Filter
from destinations.pipeline.steps import FILTERED_BY_RULES, INTERNAL
from tests.destinations.factories import append_events, encrypt_for, opened, track
from tests.destinations.pipeline.driving import Driven, outcomes
from tests.destinations.receivers import Receiver
from workspaces.models import User

LABS = Condition("event", "is_string", value="Lab Booked")


def add(destination: Destination, actor: User, **answers: Any) -> Filter:
    return changing.create_filter(destination, Answers(**{"name": "F", "action": "drop", **answers}), actor=actor)


@pytest.mark.django_db(transaction=True)
def test_filters_hold_from_the_next_event_on(
    worker: Driven, receiver: Receiver, destination: Destination, alice: User
) -> None:
    append_events(destination.source, track("m-1", event="Lab Booked"))
    worker.work_off()
    made = add(destination, alice, conditions=[LABS])
    append_events(destination.source, track("m-2", event="Lab Booked"), track("m-3"))
    worker.work_off()
    changing.delete_filter(made, actor=alice)
    append_events(destination.source, track("m-4", event="Lab Booked"))
    worker.work_off()
    assert sorted(receiver.message_ids) == ["m-1", "m-3", "m-4"]
    assert outcomes(destination) == {"delivered": 3, FILTERED_BY_RULES: 1}


@pytest.mark.django_db(transaction=True)
def test_fields_are_dropped_before_the_rest_is_encrypted(
    worker: Driven, receiver: Receiver, destination: Destination, alice: User
) -> None:
    encrypt_for(destination, "email")
    add(destination, alice, action="drop_properties", join="every", fields=["properties.note"])
    append_events(destination.source, track("m-1", properties={"email": "jo@example.com", "note": "x", "total": 3}))
    worker.work_off()
    (got,) = receiver.got
    assert set(got.json["properties"]) == {"email", "total"}
    assert opened(got.json["properties"]["email"]) == "jo@example.com"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "answers",
    [{}, {"action": "rm", "join": "every"}, {"action": "drop", "join": "fql", "fql": "event >"}, {"action": "drop"}],
)
def test_a_stored_filter_that_cannot_be_read_lets_nothing_through(
    worker: Driven, receiver: Receiver, destination: Destination, answers: dict[str, Any]
) -> None:
    Filter.objects.create(destination=destination, name="F", answers=answers)
    append_events(destination.source, track("m-1"))
    worker.work_off()
    assert receiver.got == []
    assert outcomes(destination) == {INTERNAL: 1}


@pytest.mark.django_db(transaction=True)
def test_an_event_a_filter_cannot_be_asked_about_is_not_sent(
    worker: Driven, receiver: Receiver, destination: Destination, alice: User
) -> None:
    add(destination, alice, join="fql", fql="properties.total > 10")
    add(destination, alice, name="Off", enabled=False, join="every")
    append_events(destination.source, track("m-1", properties={"total": 5}), track("m-2", properties={"total": "5"}))
    worker.work_off()
    assert receiver.message_ids == ["m-1"]
    assert outcomes(destination) == {"delivered": 1, INTERNAL: 1}
