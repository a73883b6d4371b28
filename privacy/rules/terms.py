"""What may be written as a matcher's name and synonyms, and the sentence that says so where it may not. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from privacy.matchers import fold
from privacy.rules.book import PatternError, compile_pattern

LONGEST_MATCHER_NAME = 100
LONGEST_FOLDED_NAME = 200  # ligatures fold to several letters
LONGEST_TERM = 200
MOST_TERMS = 100


class TermError(ValueError):
    """A name or term that cannot be taken; the message is for the person who wrote it."""


def clean_name(name: str) -> str:
    """The name without space around it; raises TermError."""
    name = " ".join(name.split())
    if not name:
        raise TermError("Give the matcher a name.")
    if len(name) > LONGEST_MATCHER_NAME:
        raise TermError(f"A name has at most {LONGEST_MATCHER_NAME} characters, this one has {len(name)}.")
    _check_characters(name)
    folded = fold(name)
    if not any(char.isalnum() for char in folded):
        raise TermError("A name needs at least one letter or digit.")
    if len(folded) > LONGEST_FOLDED_NAME:
        raise TermError("This name is too long once its ligatures are spelled out. Choose a shorter one.")
    return name


def clean_key_terms(name: str, synonyms: Iterable[str]) -> list[str]:
    """The synonyms of a matcher on keys, each once; what equals the name or an earlier one is left out.

    Raises TermError.
    """
    _check_key(name)
    kept: dict[str, str] = {fold(name): name}
    for synonym in _cleaned(synonyms):
        _check_key(synonym)
        kept.setdefault(fold(synonym), synonym)
    return _counted(list(kept.values())[1:])


def clean_patterns(patterns: Iterable[str]) -> list[str]:
    """The patterns of a matcher on values, each once; raises TermError with RE2's own words where it refuses one."""
    kept = _counted(list(dict.fromkeys(_cleaned(patterns))))
    if not kept:
        raise TermError("Add at least one pattern: a matcher on values looks for nothing else.")
    for pattern in kept:
        _check_pattern(pattern)
    return kept


def _cleaned(terms: Iterable[str]) -> list[str]:
    kept = [term.strip() for term in terms if term.strip()]
    for term in kept:
        if len(term) > LONGEST_TERM:
            raise TermError(f"“{term[:40]}…” has {len(term)} characters. At most {LONGEST_TERM} are taken.")
        _check_characters(term)
    return kept


def _counted(terms: list[str]) -> list[str]:
    if len(terms) > MOST_TERMS:
        raise TermError(f"A matcher takes at most {MOST_TERMS} of these, here are {len(terms)}.")
    return terms


def _check_characters(text: str) -> None:
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in text):
        raise TermError("Control characters and halves of characters cannot be stored. Type the text anew.")


def _check_key(term: str) -> None:
    """Fields are compared key by key: a path would never match, and whoever wrote it would not know."""
    if "." in term:
        last = term.rpartition(".")[2] or term.strip(".") or "the last key"
        raise TermError(f"“{term}” is a path. Keys are compared one by one: write {last} instead.")
    if not any(char.isalnum() for char in fold(term)):
        raise TermError(f"“{term}” holds no letter or digit.")


def _check_pattern(pattern: str) -> None:
    try:
        compiled = compile_pattern(pattern)
    except PatternError as error:
        raise TermError(f"RE2 does not take “{pattern}”: {error}.") from None
    if compiled.search(""):
        raise TermError(f"“{pattern}” also matches an empty value, and so every value. Make it ask for something.")
