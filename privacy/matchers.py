"""Matchers as data, and what "the same key" means: pure rules, used wherever a field is told from another."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

RED = "red"
YELLOW = "yellow"

_SEPARATORS = re.compile(r"[\s_\-]+")


def fold(key: str) -> str:
    """The key without case, white space, `_`, `-` and camelCase boundaries; equal folds are one field.

    Unicode look-alikes fold together too (NFKC, full case folding), so that a full-width spelling is no way round.
    """
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", key).casefold()))


@dataclass(frozen=True, slots=True)
class Matcher:
    """A name for personal data, and the spellings that mean the same. The name itself is matched as well."""

    name: str
    classification: str
    synonyms: tuple[str, ...] = ()

    @property
    def terms(self) -> tuple[str, ...]:
        """Everything a key is compared with."""
        return (self.name, *self.synonyms)


_RED = ("social security number", "password", "visa", "veteran", "disability", "credit card", "passport", "token")
_YELLOW = (
    *("race", "birthdate", "phone", "address", "gender", "ethnicity", "citizenship", "name", "street", "city"),
    *("zipcode", "email", "certificate", "license", "identification", "serial", "ip", "photo", "salary", "religion"),
    *("mac", "sex", "sexual orientation", "medication", "allergy", "condition", "diagnosis", "procedure"),
)

# The documented default matchers, in documented order; none is green and none can be edited.
DEFAULT_MATCHERS = tuple(Matcher(name, RED) for name in _RED) + tuple(Matcher(name, YELLOW) for name in _YELLOW)
