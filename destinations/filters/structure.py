"""A filter without what it compares with: its shape, for people who may not see values. Pure."""

from __future__ import annotations

import re

from destinations.filters import actions, builder
from destinations.filters.builder import Answers
from destinations.filters.syntax import FilterSyntaxError, tokens

HIDDEN = {"string": '"…"', "number": "…"}
UNREADABLE = "It cannot be read as it was saved."
_WORDS = {
    builder.ONLY_SEND: "Only Send Event if",
    actions.DROP: "Do Not Send Event if",
    actions.DROP_PROPERTIES: "Do Not Send Field(s) if",
    actions.ALLOW_PROPERTIES: "Only Send Field(s) if",
    actions.SAMPLE: "Sample Events if",
}


def structure(answers: Answers) -> str:
    """What the filter does and asks, with every string and number it compares with left out."""
    try:
        condition = _condition(builder.fql_of(answers))
    except (FilterSyntaxError, KeyError):
        condition = UNREADABLE
    return f"{_WORDS[answers.action]}: {condition}"


def of_fields(answers: Answers) -> str:
    """The names of fields it takes out, leaves in or samples by; empty where it is about whole events."""
    if answers.action in builder.OF_FIELDS:
        return ", ".join(answers.fields)
    return answers.path if answers.action == actions.SAMPLE else ""


def _condition(fql: str) -> str:
    words = [HIDDEN.get(token.kind, token.text) for token in tokens(fql)]
    return re.sub(r"(?<=[(!\[]) | (?=[),\]])|(?<=\w) (?=\()", "", " ".join(words))
