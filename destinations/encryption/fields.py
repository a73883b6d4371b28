"""Which values of an event are encrypted, and how they are found: pure and fast.

A field is chosen by the last key of its path, folded, at any depth below `context`, `traits` and `properties`; list
positions are transparent. Under a chosen key that holds an object or list every scalar leaf is encrypted and the shape
stays. No fuzzy matching. Whatever is not chosen is shared with the event that was given, never copied.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from destinations.encryption.cipher import EncryptionFailed, ValueCipher
from privacy.matchers import fold

SECTIONS = ("context", "traits", "properties", "property")
_MEMO_LIMIT = 100_000


class _Hits(dict[str, bool]):
    """Raw key -> whether it is chosen. Folding costs ten times a look-up; senders repeat few keys."""

    def __init__(self, terms: Iterable[str]) -> None:
        super().__init__()
        self._chosen = frozenset(fold(term) for term in terms)

    def __missing__(self, key: str) -> bool:
        hit = fold(key) in self._chosen
        if len(self) >= _MEMO_LIMIT:  # a sender who invents keys must not fill the memory
            self.clear()
        self[key] = hit
        return hit


class FieldEncryption:
    """A compiled choice of fields under one key."""

    def __init__(self, cipher: ValueCipher, terms: Iterable[str]) -> None:
        self._encrypt = cipher.encrypt
        self._hits = _Hits(terms)

    def apply(self, event: dict[str, Any]) -> dict[str, Any]:
        """The event with every chosen value encrypted; the same object where nothing is chosen.

        Raises EncryptionFailed if any chosen value cannot be encrypted; then nothing of the event may leave.
        """
        try:
            changed = {
                section: new
                for section in SECTIONS
                if (old := event.get(section)) and (new := self._walk(old)) is not old
            }
        except RecursionError:
            raise EncryptionFailed("the event is nested too deeply") from None
        return {**event, **changed} if changed else event

    def _walk(self, value: Any) -> Any:
        if type(value) is dict:
            return self._walk_object(value)
        if type(value) is list:
            return _rebuilt(value, [self._walk(item) if type(item) in _CONTAINERS else item for item in value])
        return value

    def _walk_object(self, value: dict[str, Any]) -> dict[str, Any]:
        hits = self._hits
        changed = None
        for key, item in value.items():
            if hits[key]:
                new = self._leaves(item)
            elif type(item) in _CONTAINERS:
                new = self._walk(item)
            else:
                continue
            if new is not item:
                changed = changed if changed is not None else dict(value)
                changed[key] = new
        return value if changed is None else changed

    def _leaves(self, value: Any) -> Any:
        if type(value) is str:
            return self._encrypt(_utf8(value))
        if value is None:
            return None
        if type(value) is dict:
            return {key: self._leaves(item) for key, item in value.items()}
        if type(value) is list:
            return [self._leaves(item) for item in value]
        return self._encrypt(orjson.dumps(value))


_CONTAINERS = frozenset({dict, list})


def _rebuilt(old: list[Any], new: list[Any]) -> list[Any]:
    """The old list where no item changed, so that the caller sees nothing did."""
    return old if all(a is b for a, b in zip(old, new, strict=True)) else new


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise EncryptionFailed("a text holds half a surrogate pair") from None
