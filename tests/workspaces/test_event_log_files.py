"""The event log's files on SQLite: a partition appears whole."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path

from workspaces.event_log.base import EventLogUnavailable, NewEntry
from workspaces.event_log.sqlite import Reader, Writer

ENTRY = NewEntry(entry_id=uuid.UUID(int=1), source_id=uuid.UUID(int=7), received_at=1000, events=1, body=b"sealed")


class Watcher(threading.Thread):
    """Reads every partition from the moment it can be seen until it has an entry."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.reader = Reader(folder)
        self.complaints: list[str] = []

    def run(self) -> None:
        while not self.has_entry():
            pass
        self.reader.close()

    def has_entry(self) -> bool:
        try:
            return any(self.reader.read(partition, after=0, limit=1) for partition in self.reader.partitions())
        except EventLogUnavailable as error:
            self.complaints.append(str(error.__context__))
            return False


def test_a_reader_never_sees_half_a_partition(tmp_path: Path) -> None:
    for number in range(20):
        watcher = Watcher(tmp_path / str(number))
        watcher.start()
        writer = Writer(tmp_path / str(number))
        writer.append(ENTRY)
        watcher.join(20)
        writer.close()
        assert watcher.complaints == []


def test_what_a_killed_process_left_unfinished_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "log-0.new").write_bytes(b"half a file")
    (tmp_path / "log-0.new-wal").write_bytes(b"half a file")
    writer, reader = Writer(tmp_path), Reader(tmp_path)
    writer.append(ENTRY)
    (found,) = reader.read(0, after=0, limit=1)
    assert (found.entry_id, found.body) == (ENTRY.entry_id, b"sealed")
    assert not list(tmp_path.glob("log-0.new*"))
    reader.close()
    writer.close()
