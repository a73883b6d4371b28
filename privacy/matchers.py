"""The default PII matchers as data, and the one rule by which a key equals a term."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal

# Between the words of a key: white space, `_`, `-`, their Unicode kin, and characters nobody sees (zero-width
# joiners, soft hyphens): general categories of the Unicode Character Database.
SEPARATOR_CATEGORIES = frozenset({"Zs", "Zl", "Zp", "Pc", "Pd", "Cc", "Cf"})
_ASCII_SEPARATORS = {code: None for code in range(128) if unicodedata.category(chr(code)) in SEPARATOR_CATEGORIES}

LONGEST_FOLDED = 400  # characters


def fold(key: str) -> str:
    """The form in which keys and terms are compared: no case, no spaces, `_`, `-` or camelCase boundaries.

    Beyond ASCII it is compatibility caseless matching (Unicode section 3.13, D146), so full-width letters and `ß`
    equal their plain spellings; accents still count. The dotted and dotless `i` that Turkish case rules make of an
    English key count as `i`, since a key that is missed leaves in clear. Folding twice changes nothing.
    """
    if key.isascii():
        return key.translate(_ASCII_SEPARATORS).lower()
    # Dropping a character can bring others together that compose: repeat until it is still.
    while (folded := _fold_once(key)) != key:
        key = folded
    return key


def folded(name: str) -> str:
    """A field's name folded, as long as a column holds it: compatibility forms of one character may be many."""
    return fold(name)[:LONGEST_FOLDED]


def _fold_once(key: str) -> str:
    """Decompose, forget case, drop separators, compose."""
    caseless = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", key).casefold()).casefold()
    bare = "".join(char for char in caseless if unicodedata.category(char) not in SEPARATOR_CATEGORIES)
    return unicodedata.normalize("NFKC", bare).replace("i\u0307", "i").replace("\u0131", "i")


@dataclass(frozen=True, slots=True)
class Matcher:
    """A name for a kind of personal data, how restricted it is, and the other names it goes by."""

    name: str
    classification: Literal["red", "yellow"]
    synonyms: tuple[str, ...] = ()

    @property
    def terms(self) -> tuple[str, ...]:
        """Everything a key is compared with: the name itself, then the synonyms."""
        return (self.name, *self.synonyms)


_RED = {
    "social security number": ("ssn",),
    "password": (),
    "visa": (),
    "veteran": (),
    "disability": (),
    "credit card": (),
    "passport": (),
    "token": (),
}
_YELLOW = {
    "race": (),
    "birthdate": ("dob",),
    "phone": (),
    "address": (),
    "gender": (),
    "ethnicity": (),
    "citizenship": (),
    "name": (),
    "street": (),
    "city": (),
    "zipcode": (),
    "email": (),
    "certificate": (),
    "license": (),
    "identification": (),
    "serial": (),
    "ip": (),
    "photo": (),
    "salary": (),
    "religion": (),
    "mac": (),
    "sex": (),
    "sexual orientation": (),
    "medication": (),
    "allergy": (),
    "condition": (),
    "diagnosis": (),
    "procedure": (),
}
DEFAULT_MATCHERS: tuple[Matcher, ...] = (
    *(Matcher(name, "red", synonyms) for name, synonyms in _RED.items()),
    *(Matcher(name, "yellow", synonyms) for name, synonyms in _YELLOW.items()),
)
"""The 36 documented ones in documented order. The synonyms are abbreviations that no likeness of letters finds."""

_BY_NAME = {fold(matcher.name): matcher for matcher in DEFAULT_MATCHERS}


def find_default_matcher(name: str) -> Matcher | None:
    """The default matcher of that name, in any spelling `fold` takes as equal."""
    return _BY_NAME.get(fold(name))
