"""The debugger's Advanced search (documented): keywords in property values, or anywhere in the payload. Pure.

It is asked of events as the person may see them, so that what is masked cannot be found out by searching for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

PROPERTY_VALUES, FULL_PAYLOAD = "values", "payload"
SCOPES = {PROPERTY_VALUES: "Property Values", FULL_PAYLOAD: "Full Payload"}
MOST_KEYWORDS = 10
LONGEST_KEYWORD = 200  # characters
_OF_PROPERTIES = ("properties", "traits")

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for: every one of the keywords, whatever their case. None of them finds everything."""

    scope: str = PROPERTY_VALUES
    keywords: tuple[str, ...] = ()

    @property
    def scope_label(self) -> str:
        """What the page calls the scope."""
        return SCOPES[self.scope]

    def finds(self, event: Event | None) -> bool:
        """Whether the event, as its viewer sees it, holds all of them; one that was blocked has no payload."""
        if not self.keywords:
            return True
        if event is None:
            return False
        texts = list(_payload(event) if self.scope == FULL_PAYLOAD else _values(event))
        return all(any(word.lower() in text for text in texts) for word in self.keywords)


def read_search(scope: str, keywords: Sequence[str], *, without: str = "") -> Search:
    """A search as a form sends it: blank and repeated keywords are left out, and the one that was taken away."""
    words = (word.strip()[:LONGEST_KEYWORD] for word in keywords)
    kept = tuple(dict.fromkeys(word for word in words if word and word != without))[:MOST_KEYWORDS]
    return Search(scope if scope in SCOPES else PROPERTY_VALUES, kept)


def _values(event: Event) -> Iterator[str]:
    for name in _OF_PROPERTIES:
        yield from (text for is_key, text in _texts(event.get(name)) if not is_key)


def _payload(event: Event) -> Iterator[str]:
    yield json.dumps(event, ensure_ascii=False).lower()
    yield from (text for _, text in _texts(event))


def _texts(value: Any) -> Iterator[tuple[bool, str]]:
    """Every key and every value within, in lower case; whether it is a key."""
    stack = [value]
    while stack:
        held = stack.pop()
        if isinstance(held, dict):
            yield from ((True, str(key).lower()) for key in held)
            stack += held.values()
        elif isinstance(held, list):
            stack += held
        elif held is not None:
            yield False, (held if isinstance(held, str) else json.dumps(held)).lower()
