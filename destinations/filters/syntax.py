"""FQL, the documented filter query language, from text to a tree. Pure.

`event = "Order Completed" and (contains(traits.email, "@example.com") or properties.total >= 10)`
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

MOST_BYTES = 5 * 1024  # documented
MOST_DEPTH = 64  # brackets and negations within each other

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.\\-]))
    | (?P<path>(?:[A-Za-z_]|\\.)(?:[\w-]|\\.)*(?:\.(?:[\w-]|\\.)+)*)
    | (?P<sign>!=|>=|<=|[=<>!()\[\],])
    )""",
    re.VERBOSE | re.ASCII | re.DOTALL,
)
_END = re.compile(r"\s*\Z")
_KEY = re.compile(r"(?:[^.\\]|\\.)+", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None}
COMPARISONS = ("=", "!=", ">", ">=", "<", "<=", "in")


class FilterSyntaxError(ValueError):
    """The text is no FQL; the message says what is wrong and where, counted in characters from 1."""


class Literal(NamedTuple):
    """A string, number, boolean or null as it stands in the text."""

    value: Any


class Path(NamedTuple):
    """The keys that lead to a value of the event."""

    keys: tuple[str, ...]


class Listed(NamedTuple):
    """`[a, b]`."""

    items: tuple[Node, ...]


class Call(NamedTuple):
    """A function with its arguments."""

    name: str
    arguments: tuple[Node, ...]


class Not(NamedTuple):
    """`!a`."""

    inner: Node


class Compared(NamedTuple):
    """Two sides with an operator of COMPARISONS between them."""

    operator: str
    left: Node
    right: Node


class Chain(NamedTuple):
    """Two or more parts with `and` or `or` between them."""

    operator: str
    parts: tuple[Node, ...]


Node = Literal | Path | Listed | Call | Not | Compared | Chain


class Token(NamedTuple):
    """`kind` is string, number, path or sign; `at` counts characters from 0."""

    kind: str
    text: str
    at: int


def parse(text: str) -> Node:
    """The tree of an FQL text of at most 5 KB; raises FilterSyntaxError."""
    size = len(text.encode(errors="surrogatepass"))
    if size > MOST_BYTES:
        raise FilterSyntaxError(f"FQL may be {MOST_BYTES:,} bytes long, this is {size:,}.")
    return _Parser(tokens(text), len(text)).whole()


def path_text(keys: tuple[str, ...]) -> str:
    """The keys as FQL writes a path: what is no letter, digit, `_` or `-` escaped."""
    written = [re.sub(r"([^A-Za-z0-9_-])", r"\\\1", key, flags=re.DOTALL) for key in keys]
    # A first key that begins like a number, or is a word of the language, is told apart by an escape.
    if written[0][0] in "0123456789-" or (len(keys) == 1 and written[0] in {*_WORDS, "and", "or", "in"}):
        written[0] = "\\" + written[0]
    return ".".join(written)


def string_text(value: str) -> str:
    """A string as FQL writes it."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def tokens(text: str) -> list[Token]:
    """The text in its smallest parts; raises FilterSyntaxError."""
    found, at = [], 0
    while not _END.match(text, at):
        match = _TOKEN.match(text, at)
        if not match:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise FilterSyntaxError(f"“{text[at]}” at character {at + 1} is not understood.")
        kind = str(match.lastgroup)
        found.append(Token(kind, match[kind], match.start(kind)))
        at = match.end()
    return found


class _Parser:
    """Recursive descent; `or` binds loosest, then `and`, `!`, comparisons."""

    def __init__(self, tokens: list[Token], length: int) -> None:
        self._tokens = [*tokens, Token("end", "", length)]
        self._next = 0
        self._depth = 0

    def whole(self) -> Node:
        """Everything there is."""
        node = self._any()
        if self._peek.kind != "end":
            raise self._unexpected("an operator or the end")
        return node

    @property
    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _takes(self, *texts: str) -> str:
        """The next token's text if it is one of these signs or words, taken; else empty."""
        token = self._peek
        if token.kind in {"sign", "path"} and token.text in texts:
            self._next += 1
            return token.text
        return ""

    def _need(self, text: str) -> None:
        if not self._takes(text):
            raise self._unexpected(f"“{text}”")

    def _unexpected(self, wanted: str) -> FilterSyntaxError:
        token = self._peek
        found = f"“{token.text}” at character {token.at + 1}" if token.kind != "end" else "the end"
        return FilterSyntaxError(f"Expected {wanted}, found {found}.")

    def _any(self) -> Node:
        return self._chain("or", lambda: self._chain("and", self._negation))

    def _chain(self, operator: str, part: Callable[[], Node]) -> Node:
        parts = [part()]
        while self._takes(operator):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Chain(operator, tuple(parts))

    def _negation(self) -> Node:
        if self._takes("!"):
            with self:
                return Not(self._negation())
        left = self._value()
        if operator := self._takes(*COMPARISONS):
            return Compared(operator, left, self._value())
        return left

    def _value(self) -> Node:
        token = self._peek
        if self._takes("("):
            with self:
                node = self._any()
            self._need(")")
            return node
        if self._takes("["):
            return Listed(self._items("]"))
        if token.kind not in {"string", "number", "path"} or token.text in {"and", "or", "in"}:
            raise self._unexpected("a value")
        self._next += 1
        if token.kind == "string":
            return Literal(_unescaped(token.text[1:-1]))
        if token.kind == "number":
            return Literal(float(token.text) if any(sign in token.text for sign in ".eE") else int(token.text))
        return self._named(token)

    def _named(self, token: Token) -> Node:
        if token.text in _WORDS:
            return Literal(_WORDS[token.text])
        if self._takes("("):
            return Call(token.text, self._items(")"))
        return Path(tuple(re.sub(r"\\(.)", r"\1", key, flags=re.DOTALL) for key in _KEY.findall(token.text)))

    def _items(self, closing: str) -> tuple[Node, ...]:
        items: list[Node] = []
        with self:
            while not self._takes(closing):
                if items:
                    self._need(",")
                items.append(self._any())
        return tuple(items)

    def __enter__(self) -> None:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise FilterSyntaxError(f"Brackets are nested more than {MOST_DEPTH} deep.")

    def __exit__(self, *_: object) -> None:
        self._depth -= 1


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text, flags=re.DOTALL)
