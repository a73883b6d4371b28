"""What an update changed, from a row's details: each field with what it was and what it became. Pure.

Verbs tell of changes in one of four ways, which rows of years ago keep: `before` and `after` of one thing or of several
by name, a field's own `before` and `after`, and `changed` with a pair for each name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BEFORE_AND_AFTER = {"before", "after"}


@dataclass(frozen=True, slots=True)
class Change:
    """One field; `name` is empty where the event type says what was changed. Values are as they stand in the row."""

    name: str
    before: Any
    after: Any


def changes(details: Mapping[str, Any]) -> tuple[list[Change], dict[str, Any]]:
    """The changes that `details` tells of, and what else stands in there."""
    rest = dict(details)
    found = _of_the_whole(rest)
    names = rest.get("changed")
    for name, value in list(rest.items()):
        if isinstance(value, dict) and set(value) == BEFORE_AND_AFTER:
            found.append(Change(name, value["before"], value["after"]))
            del rest[name]
        elif isinstance(names, list) and name in names and isinstance(value, list) and len(value) == 2:  # noqa: PLR2004  (before, after)
            found.append(Change(name, *value))
            del rest[name]
    if isinstance(names, list) and {change.name for change in found} >= {str(name) for name in names}:
        del rest["changed"]
    return found, rest


def _of_the_whole(rest: dict[str, Any]) -> list[Change]:
    if not set(rest) >= BEFORE_AND_AFTER:
        return []
    before, after = rest.pop("before"), rest.pop("after")
    if isinstance(before, dict) and isinstance(after, dict):
        either: list[str] = list(dict.fromkeys([*before, *after]))
        pairs = [(name, before.get(name), after.get(name)) for name in either]
        return [Change(*pair) for pair in pairs if pair[1] != pair[2]]
    changed = rest.get("changed")
    return [Change(str(changed[0]) if isinstance(changed, list) and len(changed) == 1 else "", before, after)]


def in_words(value: Any) -> str:
    """A value of `details` as people read it; what is not there is "nothing"."""
    if value is None or value in ("", [], {}):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return "; ".join(f"{name}: {in_words(each)}" for name, each in value.items())
    return ", ".join(map(in_words, value)) if isinstance(value, list) else str(value)
