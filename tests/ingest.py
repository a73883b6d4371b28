"""A running server with a source, and what its event log has got: for tests of ingest."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.servers import Server
from workspaces import write_keys
from workspaces.event_log import open_reader
from workspaces.models import Source
from workspaces.tracking.unpack import Unpacked, unpack


@dataclass(slots=True)
class Reply:
    """One answer of the server."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Ingest:
    """Talks to the server as a client would and reads back what it stored since this object was made."""

    server: Server
    source: Source
    key: str = ""
    _marks: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key = write_keys.issue(self.source)
        self._each(self._mark)

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        """One request over a connection of its own; header names with `_` for `-`."""
        link = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=15)
        try:
            link.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            reply = link.getresponse()
            return Reply(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
        finally:
            link.close()

    def post(self, path: str, content: Any, **headers: str) -> Reply:
        """POST `content` as JSON with the write key in it."""
        signed = {"writeKey": self.key, **content} if isinstance(content, dict) else content
        return self.request("POST", path, json.dumps(signed).encode(), **headers)

    def stored(self) -> list[Unpacked]:
        """Every entry of the source since, in order."""
        found: list[Unpacked] = []
        self._each(lambda log, partition: found.extend(self._new(log, partition)))
        return found

    def events(self) -> list[dict[str, Any]]:
        """Every event kept since, in order."""
        return [event for unpacked in self.stored() for _, event in unpacked.events]

    def discarded(self) -> list[tuple[str, str]]:
        """Type and code of every event discarded since."""
        return [reason for unpacked in self.stored() for reason in unpacked.discarded]

    def _mark(self, log: Any, partition: int) -> None:
        last = log.read(partition, after=0, limit=10**9)
        self._marks[partition] = last[-1].position if last else 0

    def _new(self, log: Any, partition: int) -> list[Unpacked]:
        entries = log.read(partition, after=self._marks.get(partition, 0), limit=10**9)
        return [unpack(entry) for entry in entries if entry.source_id == self.source.pk]

    def _each(self, use: Callable[[Any, int], None]) -> None:
        log = open_reader()
        for partition in log.partitions():
            use(log, partition)
        log.close()
