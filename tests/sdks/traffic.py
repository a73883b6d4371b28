"""What clients really sent and how they were answered, as the server's front noted it."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from typing import Any

from tests.servers import Server

Failure = tuple[str, int]
LOST: Failure = ("lost", 0)  # the product has stored the events; its answer does not reach the client


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the Tracking API with its answer; `moment` is on the server's monotonic clock."""

    method: str
    path: str
    headers: dict[str, str]
    status: int
    answer: list[list[str]]
    moment: float

    def sets_cookie(self) -> bool:
        return any(name.lower() == "set-cookie" for name, _ in self.answer)


@dataclass(frozen=True, slots=True)
class Traffic:
    """The test's side of `tests.sdks.front`."""

    server: Server

    def restart(self, *failures: Failure) -> None:
        """Forget what was seen; the next POSTs fail in this order."""
        self._call(json.dumps(failures).encode())

    def requests(self, method: str = "POST") -> list[Request]:
        return [seen for seen in (Request(**facts) for facts in self._call(None)) if seen.method == method]

    def statuses(self, method: str = "POST") -> list[int]:
        return [request.status for request in self.requests(method)]

    def _call(self, body: bytes | None) -> Any:
        with urllib.request.urlopen(f"{self.server.url}/front", body, timeout=10) as answer:
            return json.loads(answer.read())
