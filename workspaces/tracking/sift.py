"""From a request's bytes to what will be kept of it: write key, events to keep, events to discard and why. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import msgspec
import orjson

from workspaces.tracking import parse
from workspaces.tracking.body import TooLarge
from workspaces.tracking.envelope import Skip
from workspaces.tracking.kinds import BATCH, MOST_BATCH_EVENTS, MOST_EVENT_BYTES, UNKNOWN
from workspaces.tracking.validate import decode_head, discard_code, event_type, is_too_deep

SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class InvalidJson(Exception):
    """The body is no JSON that could be read again."""


@dataclass(slots=True)
class Sifted:
    """One request. Places count from 0; the events beyond the limit of a batch are only counted."""

    write_key: str
    kept: list[tuple[int, str]] = field(default_factory=list)  # place and type
    skip: list[Skip] = field(default_factory=list)
    surplus: int = 0

    @property
    def events(self) -> int:
        """All events that were sent."""
        return len(self.kept) + len(self.skip) + self.surplus

    def add(self, place: int, kind: str, code: str | None) -> None:
        """Note the event at `place` as kept, or as discarded with `code`."""
        if code is None:
            self.kept.append((place, kind))
        else:
            self.skip.append((place, kind, code))


class _BatchRoot(msgspec.Struct, gc=False):
    """A batch's own fields; its items stay bytes."""

    writeKey: Any = None  # noqa: N815  (the field's name in the request)
    batch: list[msgspec.Raw] | None = None
    context: msgspec.Raw = msgspec.Raw(b"null")
    integrations: msgspec.Raw = msgspec.Raw(b"null")


_decode_batch = msgspec.json.Decoder(_BatchRoot).decode


def sift(kind: str, body: bytes) -> Sifted:
    """Look through a request of `kind` (an event type, or a batch); raises InvalidJson or TooLarge."""
    _check_text(body)
    try:
        return _sift_batch(body) if kind == BATCH else _sift_event(kind, body)
    except msgspec.ValidationError:
        return _misshapen(kind, body)
    except (msgspec.DecodeError, RecursionError):
        raise InvalidJson from None


def _check_text(body: bytes) -> None:
    """What msgspec leaves unchecked in fields it skips: UTF-8, and halves of surrogate pairs that stand alone."""
    try:
        if not body.isascii():
            body.decode()
        if SURROGATE.search(body):
            orjson.loads(body)
    except ValueError:
        raise InvalidJson from None


def _sift_event(kind: str, body: bytes) -> Sifted:
    head = decode_head(body)
    sifted = Sifted(_text(head.writeKey))
    sifted.add(0, kind, "bad_request" if is_too_deep(body) else discard_code(kind, head))
    return sifted


def _sift_batch(body: bytes) -> Sifted:
    root = _decode_batch(body)
    items = root.batch or []
    sifted = Sifted(_text(root.writeKey), surplus=max(0, len(items) - MOST_BATCH_EVENTS))
    if not items:
        sifted.add(0, UNKNOWN, "empty_batch")
        return sifted
    if len(body) > MOST_EVENT_BYTES:
        _check_sizes(items)
    shallow = not is_too_deep(bytes(root.context)) and not is_too_deep(bytes(root.integrations))
    for place, item in enumerate(items[:MOST_BATCH_EVENTS]):
        sifted.add(place, *_judge(item, shallow=shallow))
    return sifted


def _judge(item: msgspec.Raw, *, shallow: bool) -> tuple[str, str | None]:
    """The item's type, and the code to discard it with or None."""
    try:
        head = decode_head(item)
    except msgspec.ValidationError:  # no object
        return UNKNOWN, "bad_request"
    kind = event_type(head)
    if kind == UNKNOWN or not shallow or is_too_deep(bytes(item)):
        return kind, "bad_request"
    return kind, discard_code(kind, head)


def _check_sizes(items: list[msgspec.Raw]) -> None:
    if any(memoryview(item).nbytes > MOST_EVENT_BYTES for item in items):
        raise TooLarge


def _misshapen(kind: str, body: bytes) -> Sifted:
    """JSON, but not of the documented shape: answered like any other request and discarded."""
    try:
        root = parse.loads(body)
    except (ValueError, RecursionError):
        raise InvalidJson from None
    sifted = Sifted(_text(root.get("writeKey")) if isinstance(root, dict) else "")
    sifted.add(0, UNKNOWN if kind == BATCH else kind, "bad_request")
    return sifted


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
