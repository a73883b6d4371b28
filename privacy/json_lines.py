"""JSON as numbered lines, each with the name of the field it holds. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from privacy.scanning.shape import SCANNED_OBJECTS

DEEPEST = 64  # levels; what lies deeper is not shown


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number from 1, how deep it stands, its text, and whether it holds the field that is looked for."""

    number: int
    depth: int
    text: str
    marked: bool

    @property
    def indent(self) -> range:
        """One item for each level."""
        return range(self.depth)


def numbered(event: Mapping[str, Any], looked_for: str) -> list[Line]:
    """The event's lines; those of the field `looked_for`, named as the scan names it, are marked."""
    told = list(_object(dict(event), "", 0, "", ""))
    return [Line(number, depth, text, name == looked_for) for number, (depth, text, name) in enumerate(told, start=1)]


Told = tuple[int, str, str]


def _object(value: dict[str, Any], name: str, depth: int, lead: str, tail: str) -> Iterator[Told]:
    if not value:
        yield depth, f"{lead}{{}}{tail}", ""
        return
    yield depth, f"{lead}{{", ""
    last = len(value) - 1
    for place, (key, held) in enumerate(value.items()):
        below = _name(name, key, depth)
        yield from _any(held, below, depth + 1, f"{_text(key)}: ", "," if place < last else "")
    yield depth, f"}}{tail}", ""


def _list(items: list[Any], name: str, depth: int, lead: str, tail: str) -> Iterator[Told]:
    if not items:
        yield depth, f"{lead}[]{tail}", ""
        return
    yield depth, f"{lead}[", ""
    for place, held in enumerate(items):
        yield from _any(held, name, depth + 1, "", "," if place < len(items) - 1 else "")
    yield depth, f"]{tail}", ""


def _any(value: object, name: str, depth: int, lead: str, tail: str) -> Iterator[Told]:
    if depth > DEEPEST:
        yield depth, f'{lead}"..."{tail}', ""
    elif isinstance(value, dict):
        yield from _object(value, name, depth, lead, tail)
    elif isinstance(value, list):
        yield from _list(value, name, depth, lead, tail)
    else:
        yield depth, f"{lead}{_text(value)}{tail}", name


def _name(outer: str, key: str, depth: int) -> str:
    """The field's name below context, traits and properties; what stands beside has a name no field of the scan has."""
    if depth == 0:
        return "" if key in SCANNED_OBJECTS else f".{key}"
    return f"{outer}.{key}" if outer else key


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
