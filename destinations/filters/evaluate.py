"""From FQL to a function of an event. Pure.

A missing field is null. `and` and `or` take null for false, and so does the whole. An operator that is given what it
does not take raises EvaluationError: the event is then not sent (documented), so that nothing slips through.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from destinations.filters.functions import FUNCTIONS, EvaluationError, compiled_glob, equal, type_of
from destinations.filters.syntax import (
    Call,
    Chain,
    Compared,
    FilterSyntaxError,
    Listed,
    Literal,
    Node,
    Not,
    Path,
    parse,
)

Event = dict[str, Any]
Value = Callable[[Event], Any]
Condition = Callable[[Event], bool]

ALWAYS = "all"
_SIZES: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def condition(text: str) -> Condition:
    """The FQL text as a question to an event; `all` is true of every one. Raises FilterSyntaxError."""
    if text.strip() == ALWAYS:
        return lambda _event: True
    value = _value(parse(text))
    return lambda event: _truth(value(event), "The filter")


def lookup(event: Event, keys: tuple[str, ...]) -> Any:
    """What stands at the end of the keys; null where there is nothing. Lists are not looked into (documented)."""
    held: Any = event
    for key in keys:
        held = held.get(key) if isinstance(held, dict) else None
    return held


def _value(node: Node) -> Value:
    if isinstance(node, Literal):
        return _constant(node.value)
    if isinstance(node, Path):
        return _looked_up(node.keys)
    if isinstance(node, Listed):
        items = [_value(item) for item in node.items]
        return lambda event: [item(event) for item in items]
    if isinstance(node, Call):
        return _call(node)
    if isinstance(node, Not):
        inner = _value(node.inner)
        return lambda event: not _boolean(inner(event))
    return _chain(node) if isinstance(node, Chain) else _compared(node)


def _constant(held: Any) -> Value:
    return lambda _event: held


def _looked_up(keys: tuple[str, ...]) -> Value:
    return lambda event: lookup(event, keys)


def _chain(node: Chain) -> Value:
    parts, asker = [_value(part) for part in node.parts], node.operator
    if asker == "and":
        return lambda event: all(_truth(part(event), asker) for part in parts)
    return lambda event: any(_truth(part(event), asker) for part in parts)


def _compared(node: Compared) -> Value:
    left, right = _value(node.left), _value(node.right)
    if node.operator == "=":
        return lambda event: equal(left(event), right(event))
    if node.operator == "!=":
        return lambda event: not equal(left(event), right(event))
    if node.operator == "in":
        return lambda event: _is_in(left(event), right(event))
    compare = _SIZES[node.operator]
    return lambda event: compare(_number(left(event)), _number(right(event)))


def _call(node: Call) -> Value:
    if node.name not in FUNCTIONS:
        raise FilterSyntaxError(f"There is no function {node.name}(). Known are {', '.join(sorted(FUNCTIONS))}.")
    function, wanted = FUNCTIONS[node.name]
    if len(node.arguments) != wanted:
        raise FilterSyntaxError(f"{node.name}() takes {wanted} argument{'s' * (wanted > 1)}.")
    _check_pattern(node)
    arguments = [_value(argument) for argument in node.arguments]
    return lambda event: function(*(argument(event) for argument in arguments))


def _check_pattern(node: Call) -> None:
    """A pattern that is written out is refused when the filter is saved, not with the first event."""
    pattern = node.arguments[-1]
    if node.name == "match" and isinstance(pattern, Literal) and isinstance(pattern.value, str):
        try:
            compiled_glob(pattern.value)
        except EvaluationError as error:
            raise FilterSyntaxError(str(error)) from None


def _truth(value: Any, asker: str) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    raise EvaluationError(f"{asker} takes true, false or null, not a {type_of(value)}.")


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise EvaluationError(f"! takes true or false, not a {type_of(value)}.")


def _number(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise EvaluationError(f"Sizes are compared between numbers, not with a {type_of(value)}.")


def _is_in(value: Any, found: Any) -> bool:
    if not isinstance(found, list):
        raise EvaluationError(f"in takes a list, not a {type_of(found)}.")
    return any(equal(value, each) for each in found)
