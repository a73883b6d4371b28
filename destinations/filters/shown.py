"""An event as lines of JSON, with what a filter takes out of it marked. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from destinations.pasted import printable

GONE = object()


class Line(NamedTuple):
    """One line of indented JSON; `dropped` where it does not leave."""

    text: str
    dropped: bool


def lines(before: Any, after: Any) -> list[Line]:
    """`before` as lines; `after` is what is left of it, None where nothing is."""
    found = _lines(before, GONE if after is None else after, "", "", "")
    return [Line(printable(line.text), line.dropped) for line in found]


def _lines(before: Any, after: Any, indent: str, head: str, tail: str) -> Iterator[Line]:
    gone = after is GONE
    if not isinstance(before, dict | list) or not before:
        yield Line(f"{indent}{head}{json.dumps(before, ensure_ascii=False)}{tail}", gone)
        return
    is_object = isinstance(before, dict)
    yield Line(f"{indent}{head}{'{' if is_object else '['}", gone)
    items = list(before.items()) if isinstance(before, dict) else [(None, held) for held in before]
    for place, (key, held) in enumerate(items):
        left = _left(after, key, place)
        name = f"{json.dumps(key, ensure_ascii=False)}: " if is_object else ""
        yield from _lines(held, left, indent + "  ", name, "," if place + 1 < len(items) else "")
    yield Line(f"{indent}{'}' if is_object else ']'}{tail}", gone)


def _left(after: Any, key: str | None, place: int) -> Any:
    """What is left of one item of an object or list; filters change lists in their place, item by item."""
    if isinstance(after, dict) and key is not None:
        return after.get(key, GONE)
    if isinstance(after, list) and key is None and place < len(after):
        return after[place]
    return GONE
