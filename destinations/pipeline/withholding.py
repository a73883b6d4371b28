"""Hold unclassified fields (our own addition): only green fields and encrypted yellow ones leave. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from destinations.encryption.fields import ENCRYPTABLE_OBJECTS

MEMO_PATHS = 50_000  # clients choose their keys

GREEN, YELLOW = "green", "yellow"


class Withholding:
    """Takes out of events what may not leave. Built once per plan.

    `class_of` gives the inventory's word on a field by its path (keys joined by dots, list positions left out), None
    where it has none; `is_encrypted` says of a key whether values below it are encrypted for the destination.
    """

    def __init__(self, class_of: Callable[[str], str | None], is_encrypted: Callable[[str], bool]) -> None:
        self._class_of = class_of
        self._is_encrypted = is_encrypted
        self._memo: dict[tuple[str, bool], bool] = {}

    def apply(self, event: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """The event without the values that stay, and how many those are. `event` itself is never changed.

        Objects and lists keep their shape as far as something in them leaves; null says nothing and stays. A value in
        the place of such an object is of no field, so none can be green: null stands there then.
        """
        parts: dict[str, Any] = {}
        removed = 0
        for name in ENCRYPTABLE_OBJECTS:
            part = event.get(name)
            if isinstance(part, dict | list):
                parts[name], gone = self._kept(part, "", covered=False)
                removed += gone
            elif part is not None:
                parts[name] = None
                removed += 1
        return ({**event, **parts}, removed) if removed else (event, 0)

    def _kept(self, value: Any, path: str, *, covered: bool) -> tuple[Any, int]:
        """What of an object or a list leaves. `covered`: it stands below a key whose values are encrypted."""
        kept: list[tuple[Any, Any]] = []
        removed = 0
        pairs = value.items() if isinstance(value, dict) else ((None, item) for item in value)
        for key, held in pairs:
            below = path if key is None else f"{path}.{key}" if path else key
            hidden = covered or (key is not None and self._is_encrypted(key))
            if isinstance(held, dict | list):
                found, gone = self._kept(held, below, covered=hidden)
                kept.append((key, found))
                removed += gone
            elif held is None or self._may_leave(below, encrypted=hidden):
                kept.append((key, held))
            else:
                removed += 1
        return (dict(kept) if isinstance(value, dict) else [item for _, item in kept]), removed

    def _may_leave(self, path: str, *, encrypted: bool) -> bool:
        known = self._memo.get((path, encrypted))
        if known is None:
            if len(self._memo) >= MEMO_PATHS:
                self._memo.clear()
            said = self._class_of(path)
            known = self._memo[path, encrypted] = said == GREEN or (said == YELLOW and encrypted)
        return known
