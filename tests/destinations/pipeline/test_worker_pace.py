"""A receiver that asks for time gets it, one with a documented pace is sent to at that pace; nobody else waits."""

from __future__ import annotations

import dataclasses
import itertools
import uuid
from typing import Any

import pytest

from destinations.catalog.slack import Slack
from destinations.delivery import http, ledger
from destinations.models import Delivery, Destination
from destinations.pipeline import sending
from tests.destinations.factories import DestinationFactory, append_events, track
from tests.destinations.pipeline.driving import Driven, make_due, outcomes, tries
from tests.destinations.pipeline.kinds import of_kind, settings_for
from tests.destinations.pipeline.test_workers_side_by_side import fill_two_partitions
from tests.destinations.receivers import Answer, Receiver, wait_for
from workspaces.models import Source

MANY = 40
AT_ONCE = http.MAX_IN_FLIGHT_EACH


@pytest.fixture(params=["webhooks", "segment"])
def kind(request: pytest.FixtureRequest) -> str:
    """One event in a request, or many."""
    return str(request.param)


@pytest.fixture
def troubled(own_log: None, source: Source, receiver: Receiver, kind: str) -> Destination:
    return of_kind(kind, source, **settings_for(kind, receiver.url.removesuffix("/hook")))


@pytest.fixture
def healthy(own_log: None, source: Source, another: Receiver, kind: str) -> Destination:
    return of_kind(kind, source, **settings_for(kind, another.url.removesuffix("/hook")))


def test_who_asks_for_time_gets_nothing_until_then(
    worker: Driven, source: Source, troubled: Destination, healthy: Destination, receiver: Receiver
) -> None:
    receiver.says(Answer(429, {"Retry-After": "60"}), 200)
    append_events(source, track("first"))
    worker.work_off()
    append_events(source, *(track(f"m-{n}") for n in range(MANY)))
    worker.work_off()
    make_due()
    worker.turns()
    assert tries(troubled) == [("first", 1, 429, "errors.awaiting-retry.429")]
    assert outcomes(healthy) == {"delivered": MANY + 1}
    rows = Delivery.objects.filter(destination=troubled, status="waiting")
    assert sorted(set(rows.values_list("attempts", flat=True))) == [0, 1]
    worker.real._sender._circuits._quiet.clear()  # a minute later
    worker.until(lambda: make_due() >= 0 and sum(outcomes(troubled).values()) == MANY + 1, "it has everything")
    assert outcomes(troubled) == {"delivered": MANY, "retried": 1}


def test_what_is_queued_already_waits_too(
    worker: Driven, source: Source, troubled: Destination, healthy: Destination, receiver: Receiver, kind: str
) -> None:
    receiver.says(Answer(429, {"Retry-After": "60"}))
    append_events(source, *(track(f"m-{n}") for n in range(3 * MANY)))
    worker.work_off()
    make_due()
    worker.turns()
    assert outcomes(healthy) == {"delivered": 3 * MANY}
    tried = len(tries(troubled))
    assert {number for _, number, _, _ in tries(troubled)} == {1}
    assert (tried, len(receiver.got)) == (3 * MANY, 1) if kind == "segment" else tried == len(receiver.got) <= AT_ONCE
    assert Delivery.objects.filter(destination=troubled, status="waiting").count() == 3 * MANY


def test_one_that_hangs_slows_no_other(
    worker: Driven,
    source: Source,
    troubled: Destination,
    healthy: Destination,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "PATIENCE", 0.05)
    receiver.hold()
    for first in range(0, 3 * MANY, MANY):
        append_events(source, *(track(f"m-{n}") for n in range(first, first + MANY)))
        worker.until(lambda: not worker._has_unsettled(), "the log goes on")
    worker.until(lambda: len(tries(healthy)) == 3 * MANY, "the other has everything")
    assert (outcomes(healthy), outcomes(troubled)) == ({"delivered": 3 * MANY}, {})
    assert ledger.saved_position(0) == 3
    receiver.release()
    worker.until(lambda: make_due() >= 0 and sum(outcomes(troubled).values()) == 3 * MANY, "it gets everything later")
    assert set(outcomes(troubled)) <= {"delivered", "retried"}, "on a slow machine what hangs may have timed out"


def test_messages_to_slack_keep_its_pace_and_spend_no_tries(
    worker: Driven, own_log: None, source: Source, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(http, "monotonic", lambda: now[0])
    monkeypatch.setattr(ledger, "take_turn", lambda *_, now, **__: now)  # always its turn: this is about one worker
    slack = of_kind("slack", source, **settings_for("slack", receiver.url.removesuffix("/hook")))
    append_events(source, *(track(f"m-{n}") for n in range(5)))
    for done in range(1, 6):
        worker.until(lambda done=done: make_due() >= 0 and len(receiver.got) == done, "one is posted")
        worker.turns()
        assert len(receiver.got) == done
        now[0] += Slack.entry.pace
    worker.work_off()
    assert outcomes(slack) == {"delivered": 5}


def test_workers_share_the_pace_of_a_destination(
    own_log: None, source: Source, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each message has a turn of its own, and turns are a pace apart whoever takes them."""
    pace, turns, take = 0.3, [], ledger.take_turn

    def noted(*args: Any, **kwargs: Any) -> float | None:
        at = take(*args, **kwargs)
        turns.extend([at] if at is not None else [])
        return at

    monkeypatch.setattr(Slack, "entry", dataclasses.replace(Slack.entry, pace=pace))
    monkeypatch.setattr(ledger, "take_turn", noted)
    slack = of_kind("slack", source, **settings_for("slack", receiver.url.removesuffix("/hook")))
    fill_two_partitions(source, 8)
    workers = [Driven(), Driven()]

    def both() -> bool:
        make_due()
        for one in workers:
            one.turn()
        return outcomes(slack) == {"delivered": 8}

    wait_for(both, "everything is posted", 60.0)
    for one in workers:
        one.close()
    assert len(receiver.got) == 8 <= len(turns)
    assert [after - before >= pace - 0.001 for before, after in itertools.pairwise(turns)] == [True] * (len(turns) - 1)
    assert {attempt for _, attempt, _, _ in tries(slack)} == {1}


def test_turns_are_a_pace_apart_and_none_is_taken_far_ahead(destination: Destination, another: Receiver) -> None:
    other = DestinationFactory(source=destination.source, url=another.url)

    def turn(now: float, of: Destination = destination) -> float | None:
        return ledger.take_turn(of.pk, now=now, pace=1.0, ahead=0.5)

    assert [turn(1000.0), turn(1000.2), turn(1000.6), turn(1000.7), turn(1001.6)] == [1000, None, 1001, None, 1002]
    assert turn(1000.3, of=other) == pytest.approx(1000.3)
    assert turn(1010.0) == 1010, "turns nobody took are over"
    assert turn(900.0) == 900, "a clock that was wrong holds nobody up for long"
    assert turn(900.1, of=Destination(pk=uuid.uuid4())) is None, "one that is gone"
