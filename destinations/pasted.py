"""Events that a person types or pastes: read, or refused with a sentence that says what to correct. Pure."""

from __future__ import annotations

import json
from typing import Any

from workspaces.tracking.kinds import EVENT_TYPES, MOST_EVENT_BYTES

Event = dict[str, Any]

MOST_LEVELS = 200


class NoEvent(ValueError):
    """The text is no event; the message says why and never repeats it."""


def read_event(text: str, *, default_type: str = "") -> Event:
    """One event as JSON, of a documented type (`default_type` where it says none), of at most 32 KB; raises NoEvent."""
    if len(text.encode(errors="replace")) > MOST_EVENT_BYTES:
        raise NoEvent(f"An event may be {MOST_EVENT_BYTES // 1024} KB long.")
    try:
        event = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise NoEvent(f"This is no JSON. Line {error.lineno}, column {error.colno}: {error.msg}.") from None
    except RecursionError:
        raise NoEvent("This JSON is nested too deeply.") from None
    if not isinstance(event, dict):
        raise NoEvent("An event is a JSON object: { … }.")
    event.setdefault("type", default_type)
    if not isinstance(event["type"], str) or event["type"] not in EVENT_TYPES:
        raise NoEvent(f"Its type must be one of {', '.join(sorted(EVENT_TYPES))}.")
    if _levels(event) > MOST_LEVELS:
        raise NoEvent("This JSON is nested too deeply.")
    return event


def written(event: Event) -> str:
    """The event as a person reads it."""
    return printable(json.dumps(event, indent=2, ensure_ascii=False))


def printable(text: str) -> str:
    """The text with lone surrogates, which no page can carry, escaped as JSON escapes them."""
    return text.encode(errors="backslashreplace").decode()


def _refuse(word: str) -> object:
    raise NoEvent(f"{word} is no value of JSON.")


def _levels(event: Event) -> int:
    """How deep it is nested, counted without recursion."""
    deepest = 0
    stack: list[tuple[Any, int]] = [(event, 1)]
    while stack:
        value, level = stack.pop()
        deepest = max(deepest, level)
        inside = value.values() if isinstance(value, dict) else value
        stack += [(held, level + 1) for held in inside if isinstance(held, dict | list)]
    return deepest
