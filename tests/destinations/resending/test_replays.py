"""Replays: the right events, once each, under today's configuration, resumed after a kill, cancelled, on record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import F
from django.test import Client

from audit.models import AuditRow
from destinations.models import Delivery, Destination, Replay
from destinations.resending import replaying
from destinations.resending.dead_letters import DISABLED
from destinations.resending.replays import cancel_replay, progress, start_replay
from tests.destinations.factories import DestinationFactory, append, encrypt_for, log_entry, opened, track
from tests.destinations.making import BASE, event_types
from tests.destinations.pipeline.driving import Driven, outcomes
from tests.destinations.receivers import Answer, Receiver
from tests.factories import SourceFactory
from workspaces.models import Source, User

DAY = datetime(2026, 3, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
MAIL = "jo@example.com"


@pytest.fixture
def past(worker: Driven, destination: Destination, receiver: Receiver, source: Source) -> Destination:
    """Events of five hours, one an hour, delivered already; one of them sent twice, and others of another source."""
    for n in range(5):
        append(log_entry(source, track(f"m-{n}", properties={"email": MAIL}), received=DAY + n * HOUR))
        append(log_entry(SourceFactory(workspace=source.workspace), track(f"x-{n}"), received=DAY + n * HOUR))
    append(log_entry(source, track("m-2"), received=DAY + 2 * HOUR))
    worker.work_off()
    assert len(receiver.got) == 5
    receiver.got.clear()
    return destination


def run(worker: Driven) -> None:
    """Turn until no replay runs."""
    worker.real._resending._due = 0.0
    worker.until(lambda: not Replay.objects.filter(state="running").exists(), "the replay is finished")
    worker.work_off()


def start(destination: Destination, alice: User, first: int = 1, last: int = 4) -> Replay:
    return start_replay(destination, since=DAY + first * HOUR, until=DAY + last * HOUR, actor=alice)


def test_the_events_of_the_stretch_are_sent_once(
    worker: Driven, past: Destination, receiver: Receiver, alice: User
) -> None:
    before = outcomes(past)
    replay = start(past, alice)
    run(worker)
    assert sorted(got.message_id for got in receiver.got) == ["m-1", "m-2", "m-3"]
    assert {str(got.json["integrations"]) for got in receiver.got} == {"{'All': False, 'Webhooks': True}"}
    (told,) = progress(past)
    assert (told.replay.state, told.replay.found, told.delivered, told.waiting, told.failed) == ("finished", 3, 3, 0, 0)
    assert told.read_percent == 100
    assert outcomes(past) == before, "documented: not in Event Delivery"
    rows = AuditRow.objects.filter(event_type__startswith="Replay").order_by("id")
    assert [(row.event_type, row.actor_kind) for row in rows] == [
        ("Replay Started", "person"),
        ("Replay Finished", "system"),
    ]
    assert rows[0].details == {
        "since": "2026-03-10T01:00:00+00:00",
        "until": "2026-03-10T04:00:00+00:00",
        "replay": str(replay.pk),
    }


def test_other_destinations_get_nothing(
    worker: Driven, past: Destination, another: Receiver, source: Source, alice: User
) -> None:
    DestinationFactory(source=source, url=another.url)
    start(past, alice)
    run(worker)
    assert another.got == []


def test_todays_configuration_holds(worker: Driven, past: Destination, receiver: Receiver, alice: User) -> None:
    encrypt_for(past, "email")
    start(past, alice)
    run(worker)
    assert [opened(got.json["properties"]["email"]) for got in receiver.got] == [MAIL] * 3
    assert not [got for got in receiver.got if MAIL.encode() in got.body]


def test_what_is_suppressed_today_stays(
    worker: Driven, past: Destination, receiver: Receiver, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workspaces.tracking.controls import Controls

    monkeypatch.setattr(replaying, "controls_of", lambda workspace, source: Controls(None, lambda user: user == "u1"))
    start(past, alice)
    run(worker)
    (told,) = progress(past)
    assert (receiver.got, told.replay.found, told.replay.stopped) == ([], 3, 3)


def test_refusals_are_counted_with_the_replay(
    worker: Driven, past: Destination, receiver: Receiver, alice: User
) -> None:
    receiver.answer = lambda got: Answer(400)
    before = outcomes(past)
    start(past, alice)
    run(worker)
    (told,) = progress(past)
    assert (told.replay.state, told.delivered, told.failed, outcomes(past)) == ("finished", 0, 3, before)


def test_a_killed_worker_goes_on_where_it_was(
    worker: Driven, past: Destination, receiver: Receiver, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "CHUNK_EVENTS", 2)
    start(past, alice, 0, 5)
    worker.real._resending._due = 0.0
    worker.until(lambda: Delivery.objects.filter(replay__isnull=False).exists(), "it has begun")
    worker.close()
    second = Driven()
    try:
        run(second)
    finally:
        second.close()
    assert sorted({got.message_id for got in receiver.got}) == [f"m-{n}" for n in range(5)]
    assert Delivery.objects.filter(replay__isnull=False).count() == 5


def test_a_cancelled_replay_sends_nothing_more(
    worker: Driven, past: Destination, receiver: Receiver, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "CHUNK_EVENTS", 1)
    monkeypatch.setattr(replaying, "MOST_WAITING", 0)
    replay = start(past, alice)
    worker.turns(5)
    assert cancel_replay(replay, actor=alice) is True
    assert cancel_replay(replay, actor=alice) is False
    monkeypatch.setattr(replaying, "MOST_WAITING", 100)
    worker.real._resending._due = 0.0
    worker.turns(20)
    assert (receiver.got, Replay.objects.get().state) == ([], "cancelled")
    assert event_types().count("Replay Cancelled") == 1
    assert Delivery.objects.filter(replay=replay, status="waiting").count() == 0


def test_it_is_refused_with_a_reason(past: Destination, alice: User, bob: User) -> None:
    now = datetime.now(UTC)
    for since, until, why in (
        (DAY, DAY, "The end must lie after the beginning."),
        (now + HOUR, now + 2 * HOUR, "The beginning must lie in the past."),
    ):
        with pytest.raises(ValidationError, match=why):
            start_replay(past, since=since, until=until, actor=alice)
    with pytest.raises(PermissionDenied):
        start(past, bob)
    first = start(past, alice)
    with pytest.raises(ValidationError, match="is running"):
        start(past, alice)
    with pytest.raises(PermissionDenied):
        cancel_replay(first, actor=bob)
    Destination.objects.update(enabled=False)
    with pytest.raises(ValidationError, match="Enable the destination"):
        start(past, alice)
    assert (Replay.objects.count(), event_types().count("Replay Started")) == (1, 1)


def test_the_page_says_first_that_a_disabled_destination_gets_none(past: Destination, as_alice: Client) -> None:
    url, stretch = f"{BASE}/{past.pk}/delivery/replays", {"since": "2026-03-10T01:00", "until": "2026-03-10T04:00"}
    assert "Start Replay" in as_alice.get(url).content.decode()
    Destination.objects.update(enabled=False)
    for page in (as_alice.get(url).content.decode(), as_alice.post(url, stretch).content.decode()):
        assert (page.count(DISABLED), "Start Replay" in page) == (1, False)
    assert (Replay.objects.count(), event_types().count("Replay Started")) == (0, 0)


def test_a_running_replay_waits_while_its_destination_is_disabled(
    worker: Driven, past: Destination, receiver: Receiver, alice: User, as_alice: Client
) -> None:
    start(past, alice)
    Destination.objects.update(enabled=False, revision=F("revision") + 1)
    worker.look_for_changes()
    worker.real._resending._due = 0.0
    worker.turns(20)
    page = as_alice.get(f"{BASE}/{past.pk}/delivery/replays/progress").content.decode()
    assert "waits until the destination and its source are enabled" in page
    assert (receiver.got, Replay.objects.get().state) == ([], "running")
    Destination.objects.update(enabled=True, revision=F("revision") + 1)
    worker.look_for_changes()
    run(worker)
    assert sorted(got.message_id for got in receiver.got) == ["m-1", "m-2", "m-3"]


def test_the_page_starts_shows_and_cancels(past: Destination, as_alice: Client, worker: Driven) -> None:
    url = f"{BASE}/{past.pk}/delivery/replays"
    bad = as_alice.post(url, {"since": "2026-03-10T04:00", "until": "2026-03-10T01:00"})
    assert "The end must lie after the beginning." in bad.content.decode()
    assert "This field is required." in as_alice.post(url, {}).content.decode()
    page = as_alice.post(url, {"since": "2026-03-10T01:00", "until": "2026-03-10T04:00"}, follow=True).content.decode()
    assert ("2026-03-10 01:00" in page, "Running" in page, 'hx-trigger="every 2s"' in page) == (True, True, True)
    run(worker)
    table = as_alice.get(f"{url}/progress").content.decode()
    assert ("Finished" in table, "hx-trigger" in table) == (True, False)
    cancelled: Any = as_alice.post(f"{url}/{Replay.objects.get().pk}/cancel", follow=True)
    assert "The replay had come to its end already." in cancelled.content.decode()
