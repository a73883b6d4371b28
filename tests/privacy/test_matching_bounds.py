"""What the scan asks of the rules for any JSON: each key once, each value at most once, however deep or wide it is."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from privacy.rules.book import Decision, Rule, RuleBook
from privacy.scanning.shape import LONGEST_NAME, Shape, values_of
from workspaces.tracking.validate import MOST_DEPTH

KEYS = st.text(max_size=20) | st.sampled_from(["name", "a.b", "\ud800", "\0", "x" * 300, "İ", "properties"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=30,
)
RULES = [Rule("ward", "red", ("ward", "bed no")), Rule("case", "yellow", ("^C-", r"\d{3}"), on="value")]


class Counting(RuleBook):
    """Rules that note what they are asked."""

    def __init__(self) -> None:
        super().__init__(RULES)
        self.names: list[str] = []
        self.values = 0

    def recommend(self, name: str) -> Decision | None:
        self.names.append(name)
        return super().recommend(name)

    def recommend_value(self, value: object) -> Decision | None:
        self.values += 1
        return super().recommend_value(value)


def size(held: Any) -> tuple[int, int]:
    """Keys and scalars."""
    if isinstance(held, dict):
        inner = [size(value) for value in held.values()]
        return len(held) + sum(keys for keys, _ in inner), sum(scalars for _, scalars in inner)
    if isinstance(held, list):
        inner = [size(value) for value in held]
        return sum(keys for keys, _ in inner), sum(scalars for _, scalars in inner)
    return 0, 1


@given(
    part=JSON, shell=st.lists(st.sampled_from(["list", "object"]), max_size=MOST_DEPTH - 12), times=st.integers(1, 3)
)
def test_any_json_is_asked_about_once_and_never_raises(part: Any, shell: list[str], times: int) -> None:
    for kind in shell:
        part = [part] if kind == "list" else {"inner": part}
    book = Counting()
    shape = Shape(book)
    event = {"properties": {"part": part}}
    keys, scalars = size(event["properties"])
    found = [shape.fields_of(event) for _ in range(times)]
    assert len(book.names) <= keys  # the second event of a shape asks nothing about names
    assert book.values <= scalars * times
    assert max(map(len, book.names)) <= LONGEST_NAME
    for field in found[0]:
        assert list(values_of(event, field.name))
