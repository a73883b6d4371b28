"""Events as connectors read them. A value may be ciphertext: it is moved as it is, never looked into. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

from workspaces.tracking import clock

USER_AGENT = "Customer-Data-Pipeline/1.0"
JSON_HEADERS = (("Content-Type", "application/json"), ("User-Agent", USER_AGENT))


def event_of(body: bytes) -> dict[str, Any]:
    """The event in a body that `pipeline.steps.serialised` wrote; what orjson refuses to read was escaped by json."""
    try:
        event: dict[str, Any] = orjson.loads(body)
    except orjson.JSONDecodeError:
        event = json.loads(body)
    return event


def json_of(value: Any) -> bytes:
    """Compact JSON, also of what orjson refuses (lone surrogates)."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def answer_of(body: bytes) -> dict[str, Any]:
    """A receiver's JSON answer; empty where it is none."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}


def part(event: Mapping[str, Any], *path: str) -> dict[str, Any]:
    """The object at a path of the event; empty where there is none."""
    found: Any = event
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def text(value: Any) -> str:
    """A value that is to be an id or a name: strings and numbers as text, all else empty."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def milliseconds(event: Mapping[str, Any]) -> int:
    """When it happened, in milliseconds since 1970."""
    moment = clock.read(event.get("timestamp")) or clock.read(event.get("receivedAt")) or clock.EPOCH
    return int(moment.timestamp() * 1000)


def name_of(event: Mapping[str, Any]) -> str:
    """What the event is called: a track's own name, `Viewed Home Page`, `Loaded a Screen`; else its type."""
    kind = text(event.get("type"))
    if kind == "track":
        return text(event.get("event"))
    if kind not in {"page", "screen"}:
        return kind
    name = text(event.get("name"))
    return f"Viewed {name} {kind.title()}" if name else f"Loaded a {kind.title()}"
