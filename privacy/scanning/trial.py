"""*Test JSON*: what one matcher would hit in a pasted text, and where in it. Pure; nothing of the text is kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from privacy.rules.book import Decision, Probe, Rule
from privacy.rules.reasons import sentence_of
from privacy.scanning.shape import SCANNED_OBJECTS, name_below

LONGEST_JSON = 20_000  # characters
MOST_HITS = 100  # that are listed one by one

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the text, hit or not."""

    text: str
    hit: bool


@dataclass(frozen=True, slots=True)
class Hit:
    """A field that was hit: its name, the line it stands on (from 1), and the reason."""

    name: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Trial:
    """The whole text in pieces, and the hits; or why there is no answer."""

    parts: tuple[Part, ...] = ()
    hits: tuple[Hit, ...] = ()
    total: int = 0
    error: str = ""

    @property
    def unlisted(self) -> int:
        """How many hits are marked in the text but not listed."""
        return self.total - len(self.hits)


@dataclass(frozen=True, slots=True)
class _Place:
    """A key or a scalar in the text: from `start` to `end`, the quotation marks left out."""

    name: str
    value: object  # of a key: None
    is_key: bool
    start: int
    end: int


def try_json(text: str, rule: Rule) -> Trial:
    """Ask the rule alone about every field of the text: an event, or what stands in its properties."""
    if len(text) > LONGEST_JSON:
        return Trial(error=f"Only {LONGEST_JSON:,} characters are tested, here are {len(text):,}.")
    if not text.strip():
        return Trial()
    try:
        loaded = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        return Trial(error=f"This is no JSON yet. Line {error.lineno}, column {error.colno}: {error.msg}.")
    except ValueError as error:
        return Trial(error=f"This is no JSON: {error}.")
    except RecursionError:
        return Trial(error="This JSON is nested too deeply to be tested.")
    return _asked(text, list(_places(text, is_event=_is_event(loaded))), rule)


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is not one of its values")


def _is_event(loaded: object) -> bool:
    return isinstance(loaded, dict) and any(isinstance(loaded.get(name), dict | list) for name in SCANNED_OBJECTS)


def _asked(text: str, places: list[_Place], rule: Rule) -> Trial:
    probe = Probe(rule)
    found = [(place, hit) for place in places if (hit := _ask(probe, place, rule))]
    parts, at = [], 0
    for place, _ in found:
        parts += [Part(text[at : place.start], hit=False), Part(text[place.start : place.end], hit=True)]
        at = place.end
    parts.append(Part(text[at:], hit=False))
    hits = tuple(
        Hit(place.name, text.count("\n", 0, place.start) + 1, sentence_of(hit)) for place, hit in found[:MOST_HITS]
    )
    return Trial(tuple(part for part in parts if part.text), hits, len(found))


def _ask(probe: Probe, place: _Place, rule: Rule) -> Decision | None:
    """Keys are asked of matchers on keys, scalars of matchers on values."""
    return probe.ask(place.name, place.value) if place.is_key == (rule.on == "key") else None


@dataclass(slots=True)
class _Open:
    """An object or list that is not closed yet. `name` is its field; None where it is not looked at."""

    is_object: bool
    name: str | None
    wants_key: bool
    below: str | None  # the field of the value that comes next


def _places(text: str, *, is_event: bool) -> Iterator[_Place]:
    """Every key and scalar of valid JSON that the scan would look at, in the order of the text."""
    stack: list[_Open] = []
    for token in _TOKEN.finditer(text):
        word, top = token[0], stack[-1] if stack else None
        name = top.below if top else ""
        if word in "{[":
            stack.append(_Open(word == "{", name, word == "{", name))
        elif word in "}]":
            stack.pop()
        elif word == "," and top:
            top.wants_key = top.is_object
        elif word == ":" and top:
            top.wants_key = False
        elif top and top.wants_key:
            top.below = _below(top.name, json.loads(word, strict=False), outermost=is_event and len(stack) == 1)
            if top.below:
                yield _Place(top.below, None, True, token.start() + 1, token.end() - 1)
        elif name:
            yield _scalar(name, word, token)


def _below(outer: str | None, key: str, *, outermost: bool) -> str | None:
    """The field of a key; of an event's own keys, the top for the objects that are scanned and None for others."""
    if outermost:
        return "" if key in SCANNED_OBJECTS else None
    return None if outer is None else name_below(outer, key)


def _scalar(name: str, word: str, token: re.Match[str]) -> _Place:
    value: Any = json.loads(word, strict=False)
    quoted = word[0] == '"'
    return _Place(name, value, False, token.start() + quoted, token.end() - quoted)
