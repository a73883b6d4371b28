"""Which fields of an event are encrypted: exact matches of the last key, any depth, in the documented objects only."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from operator import is_
from typing import Any

import orjson

from destinations.encryption.cipher import EncryptionFailed, ValueCipher
from privacy.matchers import fold

# Documented: "data inside context, traits and property/properties objects"; everything else at the top stays.
ENCRYPTABLE_OBJECTS = ("context", "traits", "properties", "property")

# Levels of objects and lists, from one of those objects inwards. With the event around it that makes the 254 levels
# orjson writes; it reads 1,024, but what is deeper could not be sent anyway.
MAX_DEPTH = 253

# Clients choose their keys, so the memo of them is bounded in number and, by leaving out long ones, in bytes.
MEMO_KEYS = 8192
MEMO_KEY_LENGTH = 128


class _Hits(dict[str, bool]):
    """Memo of raw key -> whether it equals one of the terms. Emptied when full."""

    def __init__(self, terms: Iterable[str]) -> None:
        super().__init__()
        self._terms = frozenset(fold(term) for term in terms)

    def __missing__(self, key: str) -> bool:
        hit = fold(key) in self._terms
        if len(key) <= MEMO_KEY_LENGTH:
            if len(self) >= MEMO_KEYS:
                self.clear()
            self[key] = hit
        return hit


class FieldEncryption:
    """Encrypts the chosen fields of events for one destination. Built once per plan, applied to every event."""

    def __init__(self, cipher: ValueCipher, terms: Iterable[str]) -> None:
        """`terms` are key names as written: matcher names, synonyms, classified fields."""
        self._encrypt = cipher.encrypt
        self._hits = _Hits(terms)

    def covers(self, key: str) -> bool:
        """Whether what stands under this key is encrypted."""
        return self._hits[key]

    def apply(self, event: dict[str, Any]) -> dict[str, Any]:
        """The event, as orjson reads it, with every matched field encrypted; the same object where nothing matched.

        Copy on write: `event` is never changed and untouched parts are shared. Raises EncryptionFailed, and returns
        nothing, where a matched value cannot be encrypted or the event is nested too deeply to be searched.
        """
        changed = event
        for name in ENCRYPTABLE_OBJECTS:
            part = event.get(name)
            searched = self._search(part, MAX_DEPTH)
            if searched is not part:
                changed = event.copy() if changed is event else changed
                changed[name] = searched
        return changed

    def _search(self, value: Any, depth: int) -> Any:
        """Look for matched keys below an object or a list. A scalar comes back as it is."""
        if isinstance(value, dict):
            return self._search_object(value, _deeper(depth))
        return self._each(value, self._search, depth) if isinstance(value, list) else value

    def _search_object(self, value: dict[str, Any], depth: int) -> dict[str, Any]:
        """The object with what its matched keys hold encrypted and what its other keys hold searched."""
        changed, hits = value, self._hits
        for key, held in value.items():
            if hits[key]:
                new = self._encrypt_leaves(held, depth)
            elif isinstance(held, (dict, list)):
                new = self._search(held, depth)
            else:
                continue
            if new is not held:
                changed = value.copy() if changed is value else changed
                changed[key] = new
        return changed

    def _encrypt_leaves(self, value: Any, depth: int) -> Any:
        """A scalar encrypted; an object or a list of the same shape with every scalar in it encrypted. Null stays."""
        if isinstance(value, str):
            return self._encrypt(_plain(value))
        if isinstance(value, dict):
            deeper = _deeper(depth)
            return {key: self._encrypt_leaves(held, deeper) for key, held in value.items()} if value else value
        if isinstance(value, list):
            return self._each(value, self._encrypt_leaves, depth)
        return None if value is None else self._encrypt(_plain(value))

    @staticmethod
    def _each(items: list[Any], step: Callable[[Any, int], Any], depth: int) -> list[Any]:
        """The list with `step` done to every item; the same list where that changed nothing."""
        deeper = _deeper(depth)
        new = [step(item, deeper) for item in items]
        return items if all(map(is_, new, items)) else new


def _deeper(depth: int) -> int:
    """The levels left one level further down. An event too deep to be searched must not leave unsearched."""
    if not depth:
        raise EncryptionFailed("The event is nested too deeply.")
    return depth - 1


def _plain(value: Any) -> bytes:
    """The bytes that stand for a scalar: a string's UTF-8, a number's or boolean's JSON text."""
    plain = _utf8(value) if isinstance(value, str) else _json_text(value)
    if plain is None:
        # Raised outside the handlers: the errors they caught carry the value.
        raise EncryptionFailed(f"A {type(value).__name__} has no JSON text in UTF-8.")
    return plain


def _utf8(text: str) -> bytes | None:
    """None for lone surrogates."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return None


def _json_text(value: Any) -> bytes | None:
    """None for what JSON does not know: NaN, infinities, integers over 64 bits, other types."""
    if not isinstance(value, (bool, int, float)) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return None
