"""Which fields an inventory says must not be stored. Pure.

The same rule as `RuleBook.classified`: an entry speaks for the field whose whole name (keys joined by dots) it is, else
for every field whose last key it is, in any spelling. So `product.name` classified green stays where `name` is red.
"""

from __future__ import annotations

from collections.abc import Mapping

from privacy.matchers import fold
from privacy.rules.book import Class, last_key
from privacy.scanning.shape import LONGEST_NAME, storable

MEMO_KEYS = 50_000  # clients choose their keys


class Blocking:
    """The red fields of one inventory, ready to be asked of every key of an event."""

    def __init__(self, inventory: Mapping[str, Class]) -> None:
        self._entries = {fold(name): (name, classification) for name, classification in inventory.items()}
        red = [name for name, classification in self._entries.values() if classification == "red"]
        self._last_keys = {fold(last_key(name)) for name in red}
        self._memo: dict[str, bool] = {}

    def __bool__(self) -> bool:
        return bool(self._last_keys)

    def may_block(self, key: str) -> bool:
        """Whether a red field ends in this key. Remembered: most keys of an event are no field's."""
        try:
            return self._memo[key]
        except KeyError:
            pass
        if len(self._memo) >= MEMO_KEYS:
            self._memo.clear()
        found = self._memo[key] = fold(last_key(_named(key))) in self._last_keys
        return found

    def field_at(self, path: str) -> str:
        """The red inventory field that decides about this path; "" where none does."""
        name = _named(path)
        entry = self._entries.get(fold(name)) or self._entries.get(fold(last_key(name)))
        return entry[0] if entry is not None and entry[1] == "red" else ""


def _named(path: str) -> str:
    """The path as the scan names it."""
    return storable(path, LONGEST_NAME) or "(empty)"
