"""What was asked for again at a destination that stays disabled: it waits for a day, then ends where people see it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import AuditRow
from destinations.connections import disable_destination, enable_destination
from destinations.models import Delivery, Destination, Replay
from destinations.resending.dead_letters import send_again
from destinations.resending.lapsing import WAITS_AT_MOST, end_overdue
from destinations.resending.replays import start_replay
from tests.destinations.factories import append_events, track
from tests.destinations.making import BASE
from tests.destinations.pipeline.driving import Driven, outcomes
from tests.destinations.receivers import Answer, Receiver
from tests.destinations.test_destination_pages import page_of
from workspaces.models import Source, User
from workspaces.sources import disable_source


@pytest.fixture
def asked(worker: Driven, destination: Destination, receiver: Receiver, source: Source, alice: User) -> Destination:
    """Two dead letters that are to be sent again, one more that is not, and a replay."""
    receiver.answer = lambda got: Answer(401)
    append_events(source, *map(track, ("m-1", "m-2", "m-3")))
    worker.work_off()
    receiver.got.clear()
    ids = list(Delivery.objects.exclude(message_id="m-3").values_list("pk", flat=True))
    assert send_again(destination, actor=alice, ids=ids) == 2
    start_replay(destination, since=timezone.now() - timedelta(hours=1), until=timezone.now(), actor=alice)
    return destination


def disabled_for(destination: Destination, how_long: timedelta) -> int:
    """How much ends when it has been disabled that long."""
    Destination.objects.filter(pk=destination.pk).update(off_since=timezone.now() - how_long)
    return end_overdue()


def standing() -> list[tuple[str, str, str]]:
    return list(Delivery.objects.order_by("message_id").values_list("message_id", "status", "reason"))


@pytest.mark.parametrize("switch", ["destination", "source"])
def test_it_waits_for_a_day_and_then_ends(asked: Destination, alice: User, as_alice: Client, switch: str) -> None:
    if switch == "destination":
        disable_destination(asked, actor=alice)
    else:
        disable_source(asked.source, actor=alice)
    assert end_overdue() == 0
    assert disabled_for(asked, WAITS_AT_MOST - timedelta(minutes=1)) == 0
    page = page_of(as_alice, asked, "delivery/undelivered")
    assert "2 events wait to be prepared again: for a day at most" in page
    assert "for a day at most" in as_alice.get(f"{BASE}/{asked.pk}/delivery/replays/progress").content.decode()
    assert [status for _, status, _ in standing()] == ["queued", "queued", "dead"]
    assert disabled_for(asked, WAITS_AT_MOST + timedelta(minutes=1)) == 3
    refused = "errors.discarded.401"
    lapsed = [("m-1", "dead", "DESTINATION_DISABLED"), ("m-2", "dead", "DESTINATION_DISABLED")]
    assert standing() == [*lapsed, ("m-3", "dead", refused)]
    assert outcomes(asked) == {"DESTINATION_DISABLED": 2, refused: 1}
    page = page_of(as_alice, asked, "delivery/undelivered")
    assert ("Destination stayed disabled" in page, "wait to be prepared" in page) == (True, False)
    replay = Replay.objects.get()
    assert (replay.state, replay.finished_at is not None) == ("lapsed", True)
    table = as_alice.get(f"{BASE}/{asked.pk}/delivery/replays/progress").content.decode()
    assert ("Lapsed" in table, "hx-trigger" in table) == (True, False)
    row = AuditRow.objects.get(event_type="Replay Cancelled")
    assert (row.actor_label, row.details["replay"]) == ("", str(replay.pk))
    assert disabled_for(asked, WAITS_AT_MOST * 2) == 0


def test_what_lapsed_can_be_asked_for_again(
    worker: Driven, asked: Destination, receiver: Receiver, alice: User
) -> None:
    disable_destination(asked, actor=alice)
    disabled_for(asked, WAITS_AT_MOST * 2)
    enable_destination(asked, actor=alice)
    receiver.answer = lambda got: Answer(200)
    assert send_again(asked, actor=alice, reason="DESTINATION_DISABLED") == 2
    worker.look_for_changes()
    worker.real._resending._due = 0.0
    worker.until(lambda: outcomes(asked).get("retried") == 2, "they are delivered")
    assert sorted(receiver.message_ids) == ["m-1", "m-2"]


def test_a_day_begins_anew_when_it_was_enabled_between(asked: Destination, alice: User) -> None:
    disable_destination(asked, actor=alice)
    Destination.objects.update(off_since=timezone.now() - WAITS_AT_MOST * 2)
    enable_destination(asked, actor=alice)
    disable_destination(asked, actor=alice)
    assert (end_overdue(), Replay.objects.get().state) == (0, "running")


def test_an_enabled_destination_is_left_alone(asked: Destination, settings: Any) -> None:
    assert (disabled_for(asked, WAITS_AT_MOST * 2), Replay.objects.get().state) == (0, "running")
    asked.refresh_from_db()
    assert asked.off_since is None
