"""What filters do to an event, and in which order: Sample, Drop, Drop Properties, Allow Properties (documented). Pure.

Each compiled filter is a function from an event to the event, a changed copy of it, or None where it is not sent.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from destinations.filters.evaluate import Condition, condition, lookup
from destinations.filters.functions import EvaluationError
from destinations.filters.syntax import FilterSyntaxError, Path, parse

Event = dict[str, Any]
Keep = Callable[[Event], Event | None]
Fields = Mapping[str, Sequence[str]]

SAMPLE, DROP, DROP_PROPERTIES, ALLOW_PROPERTIES = "sample", "drop", "drop_properties", "allow_properties"
ORDER = (SAMPLE, DROP, DROP_PROPERTIES, ALLOW_PROPERTIES)
DEEPEST = 253  # levels, as many as an event that can be sent has


@dataclass(frozen=True, slots=True)
class Rule:
    """One filter: what it does to events of which `condition` (FQL) is true.

    `fields` maps an object's dotted path (`""` is the event itself) to its keys; `percent` is from 0 to 1.
    """

    action: str
    condition: str
    fields: Fields = field(default_factory=dict)
    percent: float = 1.0
    path: str = ""  # FQL path; events that hold the same value there share their fate


def compiled(rules: Iterable[Rule]) -> tuple[Keep, ...]:
    """The filters in the order they apply. One that cannot be compiled lets nothing through."""
    return tuple(_guarded(rule) for rule in sorted(rules, key=lambda rule: ORDER.index(rule.action)))


def check(rule: Rule) -> None:
    """Raise FilterSyntaxError where the rule cannot be compiled."""
    _keep(rule)


def _guarded(rule: Rule) -> Keep:
    try:
        return _keep(rule)
    except FilterSyntaxError as error:
        reason = str(error)

    def refuse(_event: Event) -> Event | None:
        raise EvaluationError(reason)

    return refuse


def _keep(rule: Rule) -> Keep:
    applies = condition(rule.condition)
    if rule.action == DROP:
        return lambda event: None if applies(event) else event
    if rule.action == SAMPLE:
        return _sample(rule, applies)
    if not any(rule.fields.values()):
        raise FilterSyntaxError("Choose at least one field.")
    leave = _without if rule.action == DROP_PROPERTIES else _only
    objects = [
        (tuple(path.split(".")) if path else (), functools.partial(leave, keys=frozenset(keys)))
        for path, keys in rule.fields.items()
    ]

    def change(event: Event) -> Event:
        if applies(event):
            for path, shorten in objects:
                event = _at(event, path, shorten, DEEPEST)
        return event

    return change


def _sample(rule: Rule, applies: Condition) -> Keep:
    if not 0 <= rule.percent <= 1:
        raise FilterSyntaxError("The share of events that is sent is from 0 to 1.")
    keys = _path(rule.path) if rule.path else ("messageId",)

    def keep(event: Event) -> Event | None:
        return event if not applies(event) or _share(event, keys) < rule.percent else None

    return keep


def _path(text: str) -> tuple[str, ...]:
    node = parse(text)
    if not isinstance(node, Path):
        raise FilterSyntaxError("Write the path of one field, for example traits.account_id.")
    return node.keys


def _share(event: Event, keys: tuple[str, ...]) -> float:
    """A number from 0 up to 1 that follows from the value alone: reading an event again decides the same.

    An event without the value goes by its own id.
    """
    value = lookup(event, keys)
    text = json.dumps(event.get("messageId") if value is None else value, sort_keys=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def _at(value: Any, path: tuple[str, ...], change: Callable[[Event], Event], depth: int) -> Any:
    """The value with `change` done to the objects at the path, inside lists too; the same value where none changed."""
    if not depth:
        raise EvaluationError("The event is nested too deeply.")
    if isinstance(value, list):
        items = [_at(item, path, change, depth - 1) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if not isinstance(value, dict):
        return value
    if not path:
        return change(value)
    if path[0] not in value:
        return value
    held = value[path[0]]
    new = _at(held, path[1:], change, depth - 1)
    return value if new is held else {**value, path[0]: new}


def _without(held: Event, keys: frozenset[str]) -> Event:
    return held if keys.isdisjoint(held) else {key: value for key, value in held.items() if key not in keys}


def _only(held: Event, keys: frozenset[str]) -> Event:
    return held if keys.issuperset(held) else {key: value for key, value in held.items() if key in keys}
