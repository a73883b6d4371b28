"""The event log, on each engine there is: SQLite always, PostgreSQL where the tests run on it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import stat
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from workspaces.event_log import open_reader, open_writer, sqlite
from workspaces.event_log.base import EventLogReader, EventLogUnavailable, EventLogWriter, NewEntry, Rewritten

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: object) -> Path:
    settings.EVENT_LOG_DIR = tmp_path / "events"
    return settings.EVENT_LOG_DIR


@pytest.fixture
def reader() -> Iterator[EventLogReader]:
    opened = open_reader()
    yield opened
    opened.close()


@pytest.fixture
def writer() -> Iterator[EventLogWriter]:
    opened = open_writer()
    yield opened
    opened.close()


SOURCE = uuid.UUID(int=9)


def entry(number: int = 1, *, events: int = 1, received_at: int = 1000) -> NewEntry:
    return NewEntry(uuid.UUID(int=number), SOURCE, received_at, events, b"body %d" % number)


def positions(reader: EventLogReader, partition: int = 0, *, after: int = 0) -> list[int]:
    return [found.position for found in reader.read(partition, after=after, limit=100_000)]


def write(numbers: range) -> None:
    writer = open_writer()
    for number in numbers:
        writer.append(entry(number))
    writer.close()


def test_an_entry_comes_back_as_it_went_in(writer: EventLogWriter, reader: EventLogReader) -> None:
    writer.append(entry(5, events=3))
    (found,) = reader.read(0, after=0, limit=10)
    assert (found.partition, found.position, found.entry_id.int, found.source_id.int) == (0, 1, 5, 9)
    assert (found.received_at, found.events, bytes(found.body)) == (1000, 3, b"body 5")


def test_positions_run_from_one_without_gaps_from_many_threads(writer: EventLogWriter, reader: EventLogReader) -> None:
    threads = [
        threading.Thread(target=lambda n=n: [writer.append(entry(n * 1000 + i)) for i in range(50)]) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert positions(reader) == list(range(1, 401))
    assert {found.entry_id.int for found in reader.read(0, after=0, limit=1000)} == {
        n * 1000 + i for n in range(8) for i in range(50)
    }


def test_a_read_stops_once_it_has_enough_events(writer: EventLogWriter, reader: EventLogReader) -> None:
    for number in range(1, 6):
        writer.append(entry(number, events=40))
    assert [found.position for found in reader.read(0, after=1, limit=60)] == [2, 3]


def test_a_read_gives_one_entry_however_large(writer: EventLogWriter, reader: EventLogReader) -> None:
    writer.append(entry(1, events=500))
    assert len(reader.read(0, after=0, limit=1)) == 1


def test_two_writers_have_a_partition_each(writer: EventLogWriter, reader: EventLogReader) -> None:
    second = open_writer()
    writer.append(entry(1))
    second.append(entry(2))
    second.close()
    assert reader.partitions() == [0, 1]
    assert (positions(reader, 0), positions(reader, 1)) == ([1], [1])


def test_a_writer_goes_on_where_the_one_before_ended(reader: EventLogReader) -> None:
    write(range(1, 4))
    write(range(4, 6))
    assert positions(reader) == [1, 2, 3, 4, 5]


def test_trimmed_positions_are_never_given_out_again(reader: EventLogReader) -> None:
    write(range(1, 4))
    assert reader.trim(0, up_to=3, older_than=2000) == {SOURCE: 3}
    write(range(4, 5))
    assert positions(reader) == [4]


def test_trim_keeps_what_is_young_or_unread(writer: EventLogWriter, reader: EventLogReader) -> None:
    for number, received_at in enumerate([1000, 5000, 1000], 1):
        writer.append(entry(number, received_at=received_at))
    assert reader.trim(0, up_to=2, older_than=2000) == {SOURCE: 1}
    assert positions(reader) == [2, 3]


def test_sources_may_have_a_moment_of_their_own(writer: EventLogWriter, reader: EventLogReader) -> None:
    others = [uuid.UUID(int=10), uuid.UUID(int=11)]
    for number, source_id in enumerate([SOURCE, *others] * 2, 1):
        at = 1000 if number <= 3 else 3000
        writer.append(NewEntry(uuid.UUID(int=number), source_id, at, 1, b"b"))
    own = {others[0]: 500, others[1]: 4000}
    assert reader.trim(0, up_to=9, older_than=2000, by_source=own) == {SOURCE: 1, others[1]: 2}
    assert positions(reader) == [2, 4, 5]
    assert reader.trim(0, up_to=9, older_than=2000, by_source=own) == {}


def test_a_partition_is_leased_to_one_reader(writer: EventLogWriter, reader: EventLogReader) -> None:
    writer.append(entry())
    other = open_reader()
    assert reader.lease(0)
    assert reader.lease(0)
    assert not other.lease(0)
    reader.release(0)
    assert other.lease(0)
    other.close()
    assert reader.lease(0)


def test_a_log_without_entries_has_no_partitions(reader: EventLogReader) -> None:
    assert reader.partitions() == []


def in_child(work: Callable[[], None]) -> int:
    """Run `work` in a forked child; its exit code."""
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join(20)
    return child.exitcode


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_writes_to_a_partition_of_its_own(writer: EventLogWriter, reader: EventLogReader) -> None:
    writer.append(entry(1))
    assert in_child(lambda: writer.append(entry(2))) == 0
    writer.append(entry(3))
    assert [(found.position, found.entry_id.int) for found in reader.read(0, after=0, limit=9)] == [(1, 1), (2, 3)]
    assert [found.entry_id.int for found in reader.read(1, after=0, limit=9)] == [2]


def append_and_die() -> None:
    writer = open_writer()
    writer.append(entry(1))
    assert open_reader().lease(0)
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_killed_process_leaves_its_entries_and_loses_its_leases(reader: EventLogReader) -> None:
    assert in_child(append_and_die) == -signal.SIGKILL
    assert reader.lease(0)
    write(range(2, 3))
    assert positions(reader) == [1, 2]


class TestSqlite:
    """What only files can show."""

    @pytest.fixture(autouse=True)
    def only_sqlite(self, folder: Path) -> None:
        self.writer = sqlite.Writer(folder)
        self.reader = sqlite.Reader(folder)

    def test_files_are_for_their_owner_alone(self, folder: Path) -> None:
        self.writer.append(entry())
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert set(modes.values()) == {0o600}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        self.writer.close()

    def test_every_thread_learns_that_its_commit_failed(self, folder: Path) -> None:
        self.writer.append(entry(1))
        self.writer._connection.execute("DROP TABLE entry")
        outcomes: list[str] = []

        def append(number: int) -> None:
            try:
                self.writer.append(entry(number))
            except EventLogUnavailable as error:
                outcomes.append(str(error))

        threads = [threading.Thread(target=append, args=(number,)) for number in range(2, 6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        kept = sqlite3.connect(folder / "log-0.sqlite3").execute("SELECT count(*) FROM entry").fetchone()[0]
        assert len(outcomes) + kept == 4
        assert set(outcomes) == {"the event log cannot be written (OperationalError)"}
        self.writer.close()

    def test_a_writer_recovers_after_a_failure(self) -> None:
        self.writer.append(entry(1))
        self.writer._connection.execute("ALTER TABLE entry RENAME TO hidden")
        with pytest.raises(EventLogUnavailable):
            self.writer.append(entry(2))
        repair = sqlite3.connect(self.writer._folder / "log-0.sqlite3")
        repair.executescript("DROP TABLE IF EXISTS entry; ALTER TABLE hidden RENAME TO entry")
        self.writer.append(entry(3))
        assert [found.entry_id.int for found in self.reader.read(0, after=0, limit=9)] == [1, 3]

    def test_a_folder_that_cannot_be_made_is_unavailable(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(EventLogUnavailable, match=r"^the event log cannot be written \(\w+\)$"):
            sqlite.Writer(tmp_path / "file" / "events").append(entry())

    def test_a_partition_that_is_gone_cannot_be_read(self) -> None:
        with pytest.raises(EventLogUnavailable):
            self.reader.read(3, after=0, limit=1)


@pytest.fixture
def cut_connections() -> Callable[[], None]:
    """Ends every other session of the test database, as a restart of PostgreSQL would; nothing to cut on SQLite."""

    def cut() -> None:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

    return cut


def test_after_a_lost_connection_nothing_is_told_durable_that_is_not(
    writer: EventLogWriter, reader: EventLogReader, cut_connections: Callable[[], None]
) -> None:
    kept = []
    for number in range(1, 5):
        try:
            writer.append(entry(number))
            kept.append(number)
        except EventLogUnavailable:
            pass
        if number == 2:
            cut_connections()
    found = [e.entry_id.int for p in reader.partitions() for e in reader.read(p, after=0, limit=99)]
    assert sorted(found) == kept
    assert {1, 2, 4} <= set(kept)


def test_a_reader_that_lost_its_session_must_lease_again(
    writer: EventLogWriter, reader: EventLogReader, cut_connections: Callable[[], None]
) -> None:
    writer.append(entry())
    assert reader.lease(0)
    cut_connections()
    for _ in range(2 if connection.vendor == "postgresql" else 0):
        with pytest.raises(EventLogUnavailable):
            reader.read(0, after=0, limit=1)
    assert reader.lease(0)
    assert positions(reader) == [1]


def test_a_body_is_replaced_in_its_place(writer: EventLogWriter, reader: EventLogReader) -> None:
    for number in range(1, 4):
        writer.append(entry(number))
    assert (reader.end(0), reader.end(7) if connection.vendor == "postgresql" else 0) == (3, 0)
    reader.rewrite(0, [Rewritten(2, 0, b"new"), Rewritten(3, 5, b"other")])
    found = [(each.position, each.events, bytes(each.body)) for each in reader.read(0, after=0, limit=99)]
    assert found == [(1, 1, b"body 1"), (2, 0, b"new"), (3, 5, b"other")]
    writer.append(entry(4))
    assert reader.end(0) == 4
