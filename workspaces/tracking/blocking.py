"""Finding what must not be stored, before a request reaches the log: blocked fields, events of suppressed users."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from workspaces.tracking.controls import Blocker

CONTAINERS = ("context", "traits", "properties", "property")
USER_IDS = ("userId", "previousId")


def block(event: dict[str, Any], blocker: Blocker) -> Counter[str]:
    """Remove each blocked key at any depth below context, traits and properties, lists too; how often each went."""
    removed: Counter[str] = Counter()
    for name in CONTAINERS:
        if name in event:
            _clean(event[name], "", blocker, removed)
    return removed


def is_of(event: Any, is_meant: Callable[[str], bool]) -> bool:
    """Whether the event names a user that is meant: as its `userId`, or as an alias's `previousId`."""
    if not isinstance(event, dict):
        return False
    ids = (event.get(name) for name in USER_IDS)
    return any(isinstance(found, str) and found != "" and is_meant(found) for found in ids)


def _clean(value: Any, outer: str, blocker: Blocker, removed: Counter[str]) -> None:
    if isinstance(value, list):
        for item in value:
            _clean(item, outer, blocker, removed)
    elif isinstance(value, dict):
        for key in [key for key in value if blocker.may_block(key)]:
            if name := blocker.field_at(f"{outer}{key}"):
                del value[key]
                removed[name] += 1
        for key, item in value.items():
            if isinstance(item, dict | list):
                _clean(item, f"{outer}{key}.", blocker, removed)
