"""What a request tells the audit log: who asks, from where, by which route. Set by the middleware, read by `record`."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OnBehalf:
    """A person who acts in one workspace for the owner who let them in: both stand in each row."""

    actor_user_id: str
    workspace_id: str
    owner_user_id: str
    owner_label: str  # their e-mail address


@dataclass(slots=True)
class RequestContext:
    """Facts of the request in progress; all empty outside of one (commands, workers)."""

    request_id: str = ""
    address: str | None = None
    user_agent: str = ""
    route: str = ""
    on_behalf: OnBehalf | None = None
    # Ids of the rows written so far, whether or not their transaction held: the middleware looks before it trusts one.
    rows: list[uuid.UUID] = field(default_factory=list)


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
