"""The documented functions of FQL and its rule of equality. Pure; whatever does not fit raises EvaluationError."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from typing import Any

import re2  # type: ignore[import-untyped]  # ships no types

MOST_WILDCARDS = 100
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


class EvaluationError(Exception):
    """A filter cannot be asked about this event, which is then not sent. The text never holds a value."""


def type_of(value: object) -> str:
    """`string`, `number`, `list`, `bool` or `null`, as documented; `object` besides."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "list" if isinstance(value, list) else "object"


def equal(left: Any, right: Any) -> bool:
    """Whether two values are the same, of the same type: `1` is not `"1"`, nor `true`."""
    if type_of(left) != type_of(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(equal(held, right[key]) for key, held in left.items())
    return bool(left == right)


def contains(text: Any, part: Any) -> bool:
    """Whether a string holds another; false of null."""
    return text is not None and _string(part, "contains") in _string(text, "contains")


def length(value: Any) -> int:
    """Items of a list, bytes of a string, 0 of null."""
    if value is None or isinstance(value, list):
        return len(value or ())
    return len(_string(value, "length").encode(errors="surrogatepass"))


def match(text: Any, pattern: Any) -> bool:
    """Whether the glob matches the whole string, by case; false of null."""
    return text is not None and bool(compiled_glob(_string(pattern, "match")).fullmatch(_string(text, "match")))


def to_bool(value: Any) -> bool | None:
    """A boolean, or `"true"`, `"false"`, or a number (0 is false); null stays."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value != 0
    if value in ("true", "false"):
        return bool(value == "true")
    raise EvaluationError("bool() takes a boolean, a number, “true” or “false”.")


def to_string(value: Any) -> str | None:
    """A string, or a number's or boolean's JSON text; null stays."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise EvaluationError("string() takes a string, a number or a boolean.")


def to_number(value: Any) -> float | None:
    """A number, or a string that is written like one; null stays."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value) if any(sign in value for sign in ".eE") else int(value)
    raise EvaluationError("number() takes a number or a string that is written like one.")


@functools.lru_cache(maxsize=1024)
def compiled_glob(pattern: str) -> Any:
    """A glob as RE2, which no pattern can slow down: `*`, `?`, `[abc]`, `[a-z]`, and a backslash before what is meant
    as itself. Raises EvaluationError.
    """
    if sum(pattern.count(sign) for sign in "*?[") > MOST_WILDCARDS:
        raise EvaluationError(f"A pattern may hold {MOST_WILDCARDS} wildcards.")
    parts, at = [], 0
    while at < len(pattern):
        part, at = _glob_part(pattern, at)
        parts.append(part)
    try:
        options = re2.Options()
        options.log_errors = False
        return re2.compile("(?s)" + "".join(parts), options)
    except re2.error:
        raise EvaluationError("The pattern is not understood.") from None


def _glob_part(pattern: str, at: int) -> tuple[str, int]:
    char = pattern[at]
    if char in "*?":
        return (".*" if char == "*" else "."), at + 1
    if char == "[":
        return _glob_class(pattern, at + 1)
    if char == "\\":
        if at + 1 == len(pattern):
            raise EvaluationError("The pattern ends with a backslash that stands before nothing.")
        return re2.escape(pattern[at + 1]), at + 2
    return re2.escape(char), at + 1


def _glob_class(pattern: str, at: int) -> tuple[str, int]:
    inside: list[str] = []
    while at < len(pattern) and pattern[at] != "]":
        if pattern[at] == "-" and inside and at + 1 < len(pattern) and pattern[at + 1] != "]":
            inside.append("-")
        else:
            at += pattern[at] == "\\"
            inside.append(re2.escape(pattern[at : at + 1]) if pattern[at : at + 1] != "-" else "\\-")
        at += 1
    if at >= len(pattern) or not inside:
        raise EvaluationError("The pattern holds a “[” without letters and a “]” behind it.")
    return f"[{''.join(inside)}]", at + 1


def _string(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise EvaluationError(f"{name}() takes strings, not a {type_of(value)}.")
    return value


def _recased(name: str, joined: Callable[[str], str]) -> Callable[[Any], str | None]:
    def recase(value: Any) -> str | None:
        return None if value is None else joined(_string(value, name))

    return recase


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


# Name -> function and how many arguments it takes.
FUNCTIONS: dict[str, tuple[Callable[..., Any], int]] = {
    "contains": (contains, 2),
    "match": (match, 2),
    "length": (length, 1),
    "typeof": (type_of, 1),
    "lowercase": (_recased("lowercase", str.lower), 1),
    "uppercase": (_recased("uppercase", str.upper), 1),
    "snakecase": (_recased("snakecase", lambda text: "_".join(_words(text)).lower()), 1),
    "kebabcase": (_recased("kebabcase", lambda text: "-".join(_words(text)).lower()), 1),
    "titlecase": (_recased("titlecase", lambda text: " ".join(map(str.capitalize, _words(text)))), 1),
    "bool": (to_bool, 1),
    "string": (to_string, 1),
    "number": (to_number, 1),
}
