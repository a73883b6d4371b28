"""What a request tells the audit log: who asks, from where, by which route. Set by the middleware, read by `record`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class RequestContext:
    """Facts of the request in progress; all empty outside of one (commands, workers)."""

    request_id: str = ""
    address: str | None = None
    user_agent: str = ""
    route: str = ""
    # Rows written so far: the middleware refuses to answer an audited page that wrote none.
    rows: int = 0


_current: ContextVar[RequestContext | None] = ContextVar("audit_request", default=None)


def current() -> RequestContext:
    """The facts of the request in progress."""
    return _current.get() or RequestContext()


@contextlib.contextmanager
def request_context(facts: RequestContext) -> Iterator[RequestContext]:
    """Make `facts` the current ones for the length of a `with` block."""
    token = _current.set(facts)
    try:
        yield facts
    finally:
        _current.reset(token)
