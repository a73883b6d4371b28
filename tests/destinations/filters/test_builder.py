"""The builder: each documented operator as FQL, what it is true of, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destinations.filters import actions
from destinations.filters.actions import Rule, compiled
from destinations.filters.builder import OPERATORS, Answers, Condition, answers_of, rule_of
from destinations.filters.syntax import FilterSyntaxError


def rule(*conditions: Condition, **answers: Any) -> Rule:
    return rule_of(Answers(**{"name": "F", "action": "drop", "conditions": conditions, **answers}))


def drops(condition: Condition, value: Any) -> bool:
    (keep,) = compiled([rule(condition)])
    return keep({"type": "track", "properties": {"x": value}}) is None


@pytest.mark.parametrize(
    ("operator", "value", "true_of", "false_of"),
    [
        ("contains", "ab", ["ab", "xabx"], ["AB", None, 5, ["ab"]]),
        ("glob", "a*", ["a", "ab"], ["ba", None, 5]),
        ("is_number", "2", [2, 2.0], ["2", None, True]),
        ("is_string", "2", ["2"], [2, None]),
        ("is_false", "", [False], [None, 0, "false", True]),
        ("is_not_number", "2", ["2", None, 3], [2]),
        ("is_not_string", "a", [None, 5, "b"], ["a"]),
        ("is_not_null", "", [0, False, "", []], [None]),
        ("is_null", "", [None], [0, False, ""]),
        ("is_true", "", [True], [None, 1, "true", False]),
    ],
)
def test_each_operator(operator: str, value: str, true_of: list[Any], false_of: list[Any]) -> None:
    condition = Condition("field", operator, "properties.x", value)
    assert [drops(condition, each) for each in true_of] == [True] * len(true_of)
    assert [drops(condition, each) for each in false_of] == [False] * len(false_of)


def test_all_operators_are_the_documented_ones() -> None:
    assert [operator.label for operator in OPERATORS.values()] == [
        "contains",
        "glob matches",
        "is (number)",
        "is (string)",
        "is false",
        "is not (number)",
        "is not (string)",
        "is not null",
        "is null",
        "is true",
    ]


def test_conditions_are_joined_by_all_or_any() -> None:
    two = (Condition("type", "is_string", value="track"), Condition("event", "contains", value='say "hi"\\'))
    joined = 'type = "track" and (typeof(event) = "string" and contains(event, "say \\"hi\\"\\\\"))'
    assert rule(*two).condition == joined
    assert rule(*two, join="any").condition == joined.replace('" and (', '" or (', 1)


def test_only_send_drops_what_is_not_named() -> None:
    only = rule(Condition("event", "is_string", value="A"), action="only_send")
    assert only == Rule(actions.DROP, '!(event = "A")')
    assert rule(action="only_send", join="every").condition == "false"


def test_fields_are_grouped_by_their_object() -> None:
    made = rule(action="drop_properties", join="every", fields=["traits.email", "properties.a.b", "traits.age"])
    assert made.fields == {"traits": ["email", "age"], "properties.a": ["b"]}


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({}, "Add at least one condition."),
        ({"conditions": [Condition("field", "is_null", "userId")]}, "Begin with properties., traits., context."),
        ({"conditions": [Condition("field", "is_null", "traits.first name")]}, "Field names with spaces"),
        ({"conditions": [Condition("field", "is_number", "traits.a", "1e5x")]}, "Write a number"),
        ({"join": "every", "action": "drop_properties"}, "Choose at least one field."),
        ({"join": "every", "action": "allow_properties", "fields": ["userId"]}, "Begin with"),
        ({"join": "fql", "fql": "event ="}, "Expected a value"),
        ({"join": "every", "action": "sample", "percent": 101}, "from 0 to 1"),
    ],
)
def test_what_cannot_be_a_rule_is_refused(answers: dict[str, Any], said: str) -> None:
    with pytest.raises(FilterSyntaxError, match=said):
        rule(**answers)


@given(
    st.sampled_from(sorted(OPERATORS)),
    st.from_regex(r"(properties|traits)(\.[^\s.]{1,6}){1,3}", fullmatch=True),
    st.text(max_size=20),
)
def test_answers_are_stored_and_read_again(operator: str, field: str, value: str) -> None:
    given = Answers("F", "drop", False, "any", (Condition("field", operator, field, value),))
    assert answers_of("F", given.as_json(), enabled=False) == Answers(
        "F", "drop", False, "any", given.conditions, fields=[]
    )
