"""Entries that do not open, a database or a log that is away: waited out, nothing lost, nothing counted twice."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from destinations.delivery import ledger
from destinations.models import Delivery, Destination
from destinations.pipeline import sending
from destinations.pipeline import worker as worker_module
from tests.destinations.factories import DestinationFactory, append, append_events, log_entry, track
from tests.destinations.pipeline.driving import (
    Driven,
    came_in,
    delivery,
    expire_claims,
    make_due,
    outcomes,
    running,
    tries,
)
from tests.destinations.receivers import Receiver, wait_for
from workspaces import sealing
from workspaces.event_log import open_reader, open_writer
from workspaces.event_log.base import NewEntry
from workspaces.models import Source

LogCapture = pytest.LogCaptureFixture
OTHER_KEY = base64.b64encode(b"k" * 32).decode()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "TROUBLE_PAUSE", 0.05)


def poison(source: Source, message_id: str) -> NewEntry:
    """An entry that opens for no one: it was sealed for another source."""
    sealed = log_entry(source.workspace_id, track(message_id))
    return NewEntry(sealed.entry_id, source.pk, sealed.received_at, sealed.events, sealed.body)


def test_an_entry_that_does_not_open_stops_the_log_at_its_place(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, caplog: LogCapture
) -> None:
    before = [log_entry(source, track(name)) for name in ("a", "b")]
    append(*before, poison(source, "bad"), log_entry(source, track("later")))
    worker.until(lambda: ledger.saved_position(0) == 2, "what stands before it is delivered")
    worker.turns()
    assert (sorted(receiver.message_ids), came_in(source)) == (["a", "b"], {"received": 2})
    assert "partition 0 waits: entry 3 does not open" in caplog.text
    with open_log() as log:
        assert [entry.position for entry in log.read(0, after=0, limit=9)] == [1, 2, 3, 4]


@contextmanager
def open_log() -> Iterator[Any]:
    log = open_reader()
    yield log
    log.close()


def test_other_partitions_go_on_past_it(worker: Driven, source: Source, destination, receiver: Receiver) -> None:
    first, second = open_writer(), open_writer()
    first.append(poison(source, "bad"))
    for number in range(5):
        second.append(log_entry(source, track(f"m{number}")))
    worker.until(lambda: ledger.saved_position(1) == 5, "the other partition is settled")
    first.close()
    second.close()
    assert sorted(receiver.message_ids) == [f"m{number}" for number in range(5)]
    assert ledger.saved_position(0) == 0


def test_settings_no_request_can_be_made_of_stop_their_destination_alone(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, caplog: LogCapture
) -> None:
    broken = DestinationFactory(source=source, sealed_settings=b"")
    append_events(source, track("a", properties={"email": "jo@example.com"}))
    worker.work_off()
    assert (receiver.message_ids, outcomes(destination)) == (["a"], {"delivered": 1})
    assert (delivery().status, delivery().reason) == ("dead", "errors.discarded.INVALID_SETTINGS")
    assert outcomes(broken) == {"errors.discarded.INVALID_SETTINGS": 1}
    assert f"no request can be made for destination {broken.pk}" in caplog.text
    assert "jo@example.com" not in caplog.text


@pytest.fixture
def use_keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Goes on with these sealing keys, the first of which seals, as a restarted process would."""

    def use(*keys: str) -> None:
        monkeypatch.setattr(settings, "DATA_SEALING_KEYS", list(keys))
        forget_keys()

    yield use
    forget_keys()


def forget_keys() -> None:
    for cached in (sealing._masters, sealing._sealer, sealing._opener):
        cached.cache_clear()


def test_once_its_key_is_back_the_partition_goes_on(
    worker: Driven, source: Source, receiver: Receiver, destination: Destination, use_keys: Callable[..., None]
) -> None:
    own = settings.DATA_SEALING_KEYS[0]
    use_keys(OTHER_KEY, own)
    append_events(source, track("a"))
    use_keys(own)
    worker.turns()
    assert (receiver.connections, ledger.saved_position(0)) == (0, 0)
    use_keys(own, OTHER_KEY)
    worker.real._partitions[0].stuck_until = 0.0  # a minute later
    worker.work_off()
    assert (receiver.message_ids, came_in(source)) == (["a"], {"received": 1})


def test_a_waiting_body_whose_key_is_gone_waits_until_it_is_back(
    worker: Driven, source: Source, receiver: Receiver, destination: Destination, use_keys: Callable[..., None]
) -> None:
    own = settings.DATA_SEALING_KEYS[0]
    receiver.says(500, 200)
    use_keys(OTHER_KEY, own)
    append_events(source, track("a"))
    worker.until(Delivery.objects.exists, "the first try has failed")
    use_keys(own)
    make_due()
    worker.turns()
    assert (len(receiver.got), delivery().status, delivery().attempts) == (1, "waiting", 1)
    use_keys(own, OTHER_KEY)
    expire_claims()
    worker.until(lambda: len(tries(destination)) == 2, "it is delivered")
    assert receiver.bodies[0] == receiver.bodies[1]


@contextmanager
def database_trouble() -> Iterator[None]:
    """A table the worker must write is away; where sessions can be cut, they are."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE destinations_attempt RENAME TO hidden")
        cut_sessions()
    yield
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE hidden RENAME TO destinations_attempt")


def cut_sessions() -> None:
    """End every other session, as a restart of PostgreSQL would."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


def test_a_database_that_is_away_is_waited_out(
    source: Source, destination: Destination, receiver: Receiver, caplog: LogCapture
) -> None:
    append_events(source, track("a"))
    with running():
        wait_for(lambda: len(tries(destination)) == 1, "the first is on record")
        with database_trouble():
            append_events(source, track("b"))
            wait_for(lambda: "b" in receiver.message_ids, "the second is sent")
            wait_for(lambda: "the pipeline waits" in caplog.text, "its record cannot be written")
        wait_for(lambda: len(tries(destination)) == 2, "the second is on record")
    assert receiver.message_ids == ["a", "b"]
    assert tries(destination) == [("a", 1, 200, ""), ("b", 1, 200, "")]
    assert (outcomes(destination), came_in(source)) == ({"delivered": 2}, {"received": 2})


@contextmanager
def log_trouble(folder: Path) -> Iterator[None]:
    """The event log cannot be read; on PostgreSQL its sessions are cut, and with them the leases."""
    cut_sessions()
    files = list(folder.glob("log-*.sqlite3"))
    for file in files:
        run_script(file, "ALTER TABLE entry RENAME TO hidden")
    yield
    for file in files:
        run_script(file, "ALTER TABLE hidden RENAME TO entry")


def run_script(file: Path, script: str) -> None:
    log = sqlite3.connect(file, timeout=20)
    log.executescript(script)
    log.close()


def test_a_log_that_is_away_is_waited_out_and_read_again(
    source: Source, destination: Destination, receiver: Receiver, caplog: LogCapture
) -> None:
    append_events(source, track("a"))
    receiver.hold()
    with running():
        wait_for(lambda: receiver.got, "the first is under way")
        with log_trouble(settings.EVENT_LOG_DIR):
            wait_for(lambda: "EventLogUnavailable" in caplog.text, "the log is missed")
        receiver.release()
        append_events(source, track("b"))
        wait_for(lambda: ledger.saved_position(0) == 2, "everything is settled")
    assert set(receiver.message_ids) == {"a", "b"}
    assert came_in(source) == {"received": 2}
    assert {name for name, *_ in tries(destination)} == {"a", "b"}


def test_what_was_queued_when_the_log_went_away_is_sent_once(
    source: Source, destination: Destination, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: LogCapture
) -> None:
    monkeypatch.setattr(sending, "PATIENCE", 60.0)
    receiver.hold()
    names = [f"m{number:02}" for number in range(40)]
    append_events(source, *map(track, names))
    with running():
        wait_for(lambda: len(receiver.got) == 32, "the cap is reached")
        with log_trouble(settings.EVENT_LOG_DIR):
            wait_for(lambda: "EventLogUnavailable" in caplog.text, "the log is missed")
        receiver.release()
        wait_for(lambda: ledger.saved_position(0) == 1, "everything is settled")
    under_way = set(receiver.message_ids[:32])
    assert sorted(set(receiver.message_ids)) == names
    assert set(receiver.repeated) <= under_way
    assert (outcomes(destination), came_in(source)) == ({"delivered": 40}, {"received": 40})
