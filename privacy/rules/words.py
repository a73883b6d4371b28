"""A key's words, and how alike two texts are: Sorensen-Dice on pairs of characters. Pure."""

from __future__ import annotations

import functools
import re
import unicodedata

# A boundary of camelCase: aB, ABc -> A|Bc; and between letters and digits.
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")
_BETWEEN = re.compile(r"[\W_]+")

LONGEST_KEY = 200  # characters of a key that are looked at

Pairs = frozenset[str]


def words(key: str) -> tuple[str, ...]:
    """The key's words in lower case: split at punctuation, at camelCase boundaries and before and after digits."""
    key = key[:LONGEST_KEY]
    if not key.isascii():
        key = unicodedata.normalize("NFKC", key)
    return tuple(_BETWEEN.sub(" ", _CAMEL.sub(" ", key)).lower().split())


@functools.lru_cache(maxsize=4096)
def pairs(text: str) -> Pairs:
    """The set of two-character pieces of every word of `text`, in lower case; a word of one character has none."""
    found: set[str] = set()
    for word in text.lower().split():
        found.update(word[at : at + 2] for at in range(len(word) - 1))
    return frozenset(found)


def likeness(one: Pairs, other: Pairs) -> float:
    """Sorensen-Dice: twice what both hold over what they hold together; 0 where either holds nothing."""
    if not one or not other:
        return 0.0
    return 2 * len(one & other) / (len(one) + len(other))
