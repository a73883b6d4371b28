"""The scan itself: which fields an event holds, at any depth, and what the rules say of them. Pure.

A workspace's fields are kept as a tree of keys, so that an event costs one dictionary lookup for each of its keys; the
rules are asked once for each field, checks of values for each value until one hits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from privacy.rules.book import Decision, RuleBook

SCANNED_OBJECTS = ("context", "traits", "properties", "property")
LONGEST_NAME = 200  # characters; what is longer counts under its beginning
DEEPEST = 32  # levels; what lies deeper counts under the field at that level
MOST_NODES = 50_000  # clients choose their keys


class Field:
    """One place in the tree: a key below others. Lists are transparent: their items stand at the list's own place."""

    __slots__ = ("below", "by_name", "by_value", "level", "marked", "name", "sampled_until", "stored")

    def __init__(self, name: str, level: int, by_name: Decision | None) -> None:
        self.name = name
        self.level = level
        self.by_name = by_name
        self.by_value: Decision | None = None
        self.below: dict[str, Field] = {}
        self.marked = 0  # the last event in which it was seen
        self.stored: Any = None  # what the store remembers of it
        self.sampled_until = 0.0  # seconds since 1970: until then no event need be kept as its sample

    @property
    def decision(self) -> Decision | None:
        """What is known of the field: the matchers' word on its name, else what a value gave away."""
        return self.by_name or self.by_value


class Shape:
    """The fields seen in one workspace's events under one state of its rules."""

    def __init__(self, book: RuleBook) -> None:
        self.book = book
        self._by_value = book.recommend_value
        self._clear()

    def _clear(self) -> None:
        self._root = Field("", 0, None)
        self._nodes = 0
        self._event = 0

    def forget_samples(self) -> None:
        """Some field lost its sample: what the store remembers is asked for anew, and the next events are kept."""
        waiting = [self._root]
        while waiting:
            field = waiting.pop()
            field.stored, field.sampled_until = None, 0.0
            waiting += field.below.values()

    def fields_of(self, event: Mapping[str, Any]) -> list[Field]:
        """The fields of the event that hold a value, each once; null, empty objects and empty lists hold none."""
        if self._nodes > MOST_NODES:
            self._clear()
        self._event += 1
        found: list[Field] = []
        for name in SCANNED_OBJECTS:
            part = event.get(name)
            if part and isinstance(part, dict):
                self._object(part, self._root, found)
            elif part and isinstance(part, list):
                self._list(part, self._root, found)
        return found

    def _object(self, value: dict[str, Any], at: Field, found: list[Field]) -> None:
        below, event = at.below, self._event
        for key, held in value.items():
            try:
                field = below[key]
            except KeyError:
                field = self._grow(at, key)
            if isinstance(held, dict):
                self._object(held, field, found)
            elif isinstance(held, list):
                self._list(held, field, found)
            elif held is not None:  # as `_scalar` does; a call for each would cost as much again
                if field.marked != event:
                    field.marked = event
                    found.append(field)
                if field.by_name is None and field.by_value is None:
                    field.by_value = self._by_value(held)

    def _list(self, items: list[Any], at: Field, found: list[Field]) -> None:
        for held in items:
            if isinstance(held, dict):
                self._object(held, at, found)
            elif isinstance(held, list):
                self._list(held, at, found)
            elif held is not None and at.name:
                self._scalar(held, at, found)

    def _scalar(self, held: Any, field: Field, found: list[Field]) -> None:
        if field.marked != self._event:
            field.marked = self._event
            found.append(field)
        if field.by_name is None and field.by_value is None:
            field.by_value = self._by_value(held)

    def _grow(self, at: Field, key: str) -> Field:
        if at.level >= DEEPEST:
            return at
        name = name_below(at.name, key)
        field = at.below[key] = Field(name, at.level + 1, self.book.recommend(name))
        self._nodes += 1
        return field


def name_below(outer: str, key: str) -> str:
    """The name of the field that `key` is below another one (empty at the top)."""
    return storable(f"{outer}.{key}" if outer else key, LONGEST_NAME) or "(empty)"


def values_of(event: Mapping[str, Any], name: str) -> Iterator[object]:
    """The scalars that the event holds under the field of that name, as the scan counts them."""
    for part in (event.get(scanned) for scanned in SCANNED_OBJECTS):
        if isinstance(part, dict | list):
            yield from _values(part, "", 0, name)


def _values(held: object, at: str, level: int, wanted: str) -> Iterator[object]:
    if isinstance(held, dict):
        for key, inner in held.items():
            name = at if level >= DEEPEST else name_below(at, key)
            if wanted.startswith(name):
                yield from _values(inner, name, min(level + 1, DEEPEST), wanted)
    elif isinstance(held, list):
        for inner in held:
            yield from _values(inner, at, level, wanted)
    elif held is not None and at == wanted:
        yield held


def storable(text: str, longest: int) -> str:
    """The text as a table can hold it: cut, without NUL (PostgreSQL takes none) and halves of surrogate pairs."""
    text = text[:longest].replace("\0", "\ufffd")
    return text if text.isascii() else text.encode(errors="replace").decode()
