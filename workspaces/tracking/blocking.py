"""Removing fields that must not be stored, before an event reaches the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

CONTAINERS = ("context", "traits", "properties")


def block(event: dict[str, Any], is_blocked: Callable[[str], bool]) -> int:
    """Remove each blocked key at any depth below context, traits and properties, lists included; how many went."""
    return sum(_clean(event[name], is_blocked) for name in CONTAINERS if name in event)


def block_request(root: Any, is_blocked: Callable[[str], bool]) -> int:
    """The same for a whole request: an event, or a batch with its own context and its items."""
    if not isinstance(root, dict):
        return 0
    batch = root.get("batch")
    items = [item for item in batch if isinstance(item, dict)] if isinstance(batch, list) else []
    return sum(block(part, is_blocked) for part in (root, *items))


def _clean(value: Any, is_blocked: Callable[[str], bool]) -> int:
    if isinstance(value, list):
        return sum(_clean(item, is_blocked) for item in value)
    if not isinstance(value, dict):
        return 0
    blocked = [key for key in value if is_blocked(key)]
    for key in blocked:
        del value[key]
    return len(blocked) + sum(_clean(item, is_blocked) for item in value.values())
