"""The customer's endpoint of the benchmarks: answers 200 to every POST and counts them. Bare RSGI, one process."""

from __future__ import annotations

from typing import Any

_taken = [0]


async def application(scope: Any, protocol: Any) -> None:
    """Take the body of a POST; tell the count to a GET."""
    if scope.method == "POST":
        await protocol()
        _taken[0] += 1
        protocol.response_empty(200, [])
    else:
        protocol.response_str(200, [("content-type", "text/plain")], str(_taken[0]))
