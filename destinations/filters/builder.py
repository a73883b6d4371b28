"""The builder's answers, as documented, and the FQL they stand for. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from destinations.filters import actions
from destinations.filters.actions import Rule
from destinations.filters.evaluate import ALWAYS
from destinations.filters.syntax import FilterSyntaxError, path_text, string_text

# What a person chooses, and what the rule then does.
ONLY_SEND = "only_send"
ACTIONS = {
    ONLY_SEND: actions.DROP,
    actions.DROP: actions.DROP,
    actions.DROP_PROPERTIES: actions.DROP_PROPERTIES,
    actions.ALLOW_PROPERTIES: actions.ALLOW_PROPERTIES,
    actions.SAMPLE: actions.SAMPLE,
}
OF_FIELDS = frozenset({actions.DROP_PROPERTIES, actions.ALLOW_PROPERTIES})

ALL, ANY, EVERY, FQL = "all", "any", "every", "fql"

EVENT_TYPE, EVENT_NAME, EVENT_FIELD = "type", "event", "field"
# Documented: the builder reaches these objects, not what stands beside them.
OBJECTS = ("properties", "traits", "context")
_FIELD = re.compile(rf"({'|'.join(OBJECTS)})(\.[^\s.]+)+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Condition:
    """One line of the builder: `subject` is one of EVENT_TYPE, EVENT_NAME, EVENT_FIELD; `field` is a dotted path."""

    subject: str
    operator: str
    field: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a person said of a filter. `join` is ALL, ANY, EVERY or FQL; `percent` is from 0 to 100."""

    name: str
    action: str
    enabled: bool = True
    join: str = ALL
    conditions: Sequence[Condition] = ()
    fql: str = ""
    fields: Sequence[str] = ()  # dotted paths
    percent: float = 100.0
    path: str = ""

    def as_json(self) -> dict[str, Any]:
        """All of it but the name and the switch, as it is stored."""
        said = json.loads(json.dumps(asdict(self)))
        return {key: value for key, value in said.items() if key not in {"name", "enabled"}}


def answers_of(name: str, stored: dict[str, Any], *, enabled: bool) -> Answers:
    """The answers again from what `as_json` gave."""
    conditions = tuple(Condition(**each) for each in stored.get("conditions", ()))
    return Answers(**{**stored, "name": name, "enabled": enabled, "conditions": conditions})


def rule_of(answers: Answers) -> Rule:
    """The rule the answers stand for; raises FilterSyntaxError saying what to correct."""
    condition = fql_of(answers)
    if answers.action == ONLY_SEND:
        condition = f"!({condition})" if condition != ALWAYS else "false"
    rule = Rule(
        action=ACTIONS[answers.action],
        condition=condition,
        fields=_by_object(answers.fields) if answers.action in OF_FIELDS else {},
        percent=answers.percent / 100 if answers.action == actions.SAMPLE else 1.0,
        path=path_text(tuple(answers.path.split("."))) if answers.path and answers.action == actions.SAMPLE else "",
    )
    actions.check(rule)
    return rule


def fql_of(answers: Answers) -> str:
    """The conditions as FQL."""
    if answers.join == EVERY:
        return ALWAYS
    if answers.join == FQL:
        return answers.fql.strip()
    if not answers.conditions:
        raise FilterSyntaxError("Add at least one condition.")
    return (" or " if answers.join == ANY else " and ").join(map(_fql, answers.conditions))


def check_field(field: str) -> str:
    """What is wrong with a field's path; empty where nothing is."""
    if re.search(r"\s", field):
        return "Field names with spaces cannot be filtered by."
    if not _FIELD.fullmatch(field):
        return f"Begin with {', '.join(f'{name}.' for name in OBJECTS)} for example properties.total."
    return ""


def _fql(condition: Condition) -> str:
    path = condition.subject
    if condition.subject == EVENT_FIELD:
        if problem := check_field(condition.field):
            raise FilterSyntaxError(problem)
        path = path_text(tuple(condition.field.split(".")))
    return OPERATORS[condition.operator].write(path, condition.value)


def _by_object(fields: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for field in fields:
        if problem := check_field(field):
            raise FilterSyntaxError(problem)
        parent, _, key = field.rpartition(".")
        found.setdefault(parent, []).append(key)
    return found


@dataclass(frozen=True, slots=True)
class Operator:
    """One choice of the builder. `kind` says what stands beside it: text, a number, or nothing."""

    label: str
    kind: str
    write: Callable[[str, str], str]


def _text(function: str) -> Callable[[str, str], str]:
    # A field of another type is simply no match here: asking for its letters would be an error and drop the event.
    return lambda path, value: f'(typeof({path}) = "string" and {function}({path}, {string_text(value)}))'


def _compared(sign: str) -> Callable[[str, str], str]:
    return lambda path, value: f"{path} {sign} {string_text(value)}"


def _number(sign: str) -> Callable[[str, str], str]:
    def write(path: str, value: str) -> str:
        if not _NUMBER.fullmatch(value.strip()):
            raise FilterSyntaxError("Write a number, for example 10 or 2.5.")
        return f"{path} {sign} {value.strip()}"

    return write


def _fixed(tail: str) -> Callable[[str, str], str]:
    return lambda path, _value: f"{path} {tail}"


OPERATORS = {
    "contains": Operator("contains", "text", _text("contains")),
    "glob": Operator("glob matches", "text", _text("match")),
    "is_number": Operator("is (number)", "number", _number("=")),
    "is_string": Operator("is (string)", "text", _compared("=")),
    "is_false": Operator("is false", "", _fixed("= false")),
    "is_not_number": Operator("is not (number)", "number", _number("!=")),
    "is_not_string": Operator("is not (string)", "text", _compared("!=")),
    "is_not_null": Operator("is not null", "", _fixed("!= null")),
    "is_null": Operator("is null", "", _fixed("= null")),
    "is_true": Operator("is true", "", _fixed("= true")),
}
