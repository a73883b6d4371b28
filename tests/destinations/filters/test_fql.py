"""FQL: what the documentation says of its operators, functions and null, and that any text gets a clear answer."""

from __future__ import annotations

import fnmatch
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from destinations.filters.evaluate import condition
from destinations.filters.functions import EvaluationError
from destinations.filters.syntax import FilterSyntaxError, Path, parse, path_text, string_text

EVENT: dict[str, Any] = {
    "type": "track",
    "event": "Visit Booked",
    "userId": "u1",
    "properties": {
        "total": 12.5,
        "count": 3,
        "paid": True,
        "empty": None,
        "tags": ["a", "bé"],
        "plan": "Gold Care",
        "product 1": {"price": 9},
        "user-id": "x",
    },
    "context": {"library": {"name": "analytics.js", "version": "2.0"}},
}


def asked(fql: str) -> bool:
    return condition(fql)(EVENT)


@pytest.mark.parametrize(
    "fql",
    [
        "all",
        "event = 'Visit Booked'",
        'event = "Visit Booked" and type = "track"',
        "event = 'Nothing' or type = 'track'",
        "type = 'page' and type = 'x' or type = 'track'",
        "type = 'track' or type = 'x' and type = 'y'",
        "!(type = 'page')",
        "!contains(event, 'Lab')",
        "event != 'Lab'",
        "properties.count = 3",
        "properties.count = 3.0",
        "properties.count != '3'",
        "properties.paid != 1",
        "properties.total > 12 and properties.total >= 12.5 and properties.total < 13 and properties.total <= 12.5",
        "properties.count > -1",
        "type in ['page', 'track']",
        "!(type in [])",
        "properties.count in [1, 2, 3]",
        "!('1' in [1])",
        "'a' in properties.tags",
        "context.library.name = 'analytics.js'",
        "properties.product\\ 1.price = 9",
        "properties.user-id = 'x'",
        "properties.missing = null and properties.empty = null and traits.any.depth = null",
        "properties.paid and !(traits.paid = true)",
        "traits.paid or type = 'track'",
        "contains(properties.plan, 'Care') and !contains(properties.plan, 'care')",
        "length(properties.tags) = 2 and length('é') = 2 and length(traits.x) = 0",
        "lowercase(properties.plan) = 'gold care' and uppercase(type) = 'TRACK' and lowercase(traits.x) = null",
        "snakecase('Order CompletedNow') = 'order_completed_now'",
        "kebabcase('Order Completed') = 'order-completed'",
        "titlecase('order completed') = 'Order Completed'",
        "typeof(type) = 'string' and typeof(properties.total) = 'number' and typeof(properties.tags) = 'list'",
        "typeof(properties.paid) = 'bool' and typeof(traits.x) = 'null'",
        "match(event, 'Visit*') and match(event, 'V?sit [A-C]ooked') and !match(event, 'Visit')",
        "match('a*b', 'a\\\\*b') and !match('axb', 'a\\\\*b')",
        "!match('visit', 'Visit') and !match(traits.x, '*') and !contains(traits.x, 'a')",
        "bool('true') and number('2.5') = 2.5 and string(3) = '3' and string(true) = 'true'",
        "string(traits.x) = null and number(traits.x) = null",
    ],
)
def test_it_is_true(fql: str) -> None:
    assert asked(fql) is True


@pytest.mark.parametrize(
    "fql",
    ["traits.flag", "null", "traits.a and true", "traits.a or null", "properties.count = '3'", "properties.tags.x = 1"],
)
def test_it_is_false(fql: str) -> None:
    assert asked(fql) is False


@pytest.mark.parametrize(
    "fql",
    [
        "properties.count",
        "!traits.flag",
        "traits.total > 1",
        "event > 1",
        "properties.paid >= 0",
        "contains(properties.count, '1')",
        "match(properties.count, '*')",
        "length(properties.count) = 1",
        "lowercase(properties.count) = 'x'",
        "type in 'track'",
        "'a' or true",
        "number('x') = 1",
        "bool('yes')",
        "string(properties.tags) = 'a'",
    ],
)
def test_what_does_not_fit_is_an_error_and_tells_no_value(fql: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        asked(fql)
    assert "Visit" not in str(caught.value)


@pytest.mark.parametrize(
    ("fql", "said"),
    [
        ("", "Expected a value, found the end."),
        ("event =", "Expected a value, found the end."),
        ("event = 'x", "“'” at character 9 is not understood."),
        ("event == 'x'", "Expected a value, found “=” at character 8."),
        ("(event = 'x'", "Expected “)”, found the end."),
        ("event = 'x' type", "Expected an operator or the end, found “type” at character 13."),
        ("match(event, '[')", "The pattern holds a “[” without letters and a “]” behind it."),
        ("length()", "length() takes 1 argument."),
        ("contains(event)", "contains() takes 2 arguments."),
        ("and", "Expected a value, found “and” at character 1."),
        ("((" * 40, "Brackets are nested more than 64 deep."),
        ("event = '" + "x" * 5200 + "'", "FQL may be 5,120 bytes long, this is 5,210."),
    ],
)
def test_what_is_no_fql_is_refused_with_its_place(fql: str, said: str) -> None:
    with pytest.raises(FilterSyntaxError) as caught:
        condition(fql)
    assert str(caught.value) == said


def test_an_unknown_function_is_refused_with_the_known_ones() -> None:
    with pytest.raises(FilterSyntaxError, match=r"no function rm\(\)\. Known are bool, contains"):
        condition("rm(event)")


def test_the_longest_chain_is_asked() -> None:
    fql = " or ".join([*["a"] * 1000, "true"])
    assert len(fql) < 5120
    assert asked(fql)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="abx.'\"\\()[]!=<>, 01-é*?\n", max_size=40))
def test_any_text_is_fql_or_is_refused(text: str) -> None:
    try:
        ask = condition(text)
    except FilterSyntaxError:
        return
    try:
        assert ask(EVENT) in {True, False}
    except EvaluationError:
        return


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4))
def test_any_path_that_is_written_is_read_again(keys: list[str]) -> None:
    assert parse(path_text(tuple(keys))) == Path(tuple(keys))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30))
def test_any_string_that_is_written_is_equal_to_itself(text: str) -> None:
    assert condition(f"event = {string_text(text)}")({"event": text})


@settings(max_examples=200, deadline=None)
@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_globs_match_as_elsewhere(pattern: str, text: str) -> None:
    assert condition(f'match(event, "{pattern}")')({"event": text}) == fnmatch.fnmatchcase(text, pattern)
