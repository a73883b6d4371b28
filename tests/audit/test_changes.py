"""What a row's details tell of a change, in every way verbs have told it."""

from __future__ import annotations

from typing import Any

import pytest

from audit.changes import Change, changes, in_words


@pytest.mark.parametrize(
    ("details", "found", "rest"),
    [
        ({}, [], {}),
        ({"rows": 3}, [], {"rows": 3}),
        ({"changed": ["name"], "before": "Old", "after": "New"}, [Change("name", "Old", "New")], {}),
        ({"before": None, "after": "red", "reason": "x"}, [Change("", None, "red")], {"reason": "x"}),
        (
            {"before": {"plan": "team", "baa": "yes"}, "after": {"plan": "business", "baa": "yes"}},
            [Change("plan", "team", "business")],
            {},
        ),
        ({"before": ["Owner"], "after": []}, [Change("", ["Owner"], [])], {}),
        ({"passkey": {"before": "a", "after": "b"}}, [Change("passkey", "a", "b")], {}),
        (
            {"changed": ["name", "slug"], "name": ["a", "b"], "slug": ["c", "d"]},
            [Change("name", "a", "b"), Change("slug", "c", "d")],
            {},
        ),
        ({"changed": ["url"]}, [], {"changed": ["url"]}),  # a sensitive field: its name alone
        ({"changed": ["name", "url"], "name": ["a", "b"]}, [Change("name", "a", "b")], {"changed": ["name", "url"]}),
        ({"columns": ["a", "b"]}, [], {"columns": ["a", "b"]}),
    ],
)
def test_changes_are_told_apart_from_other_details(
    details: dict[str, Any], found: list[Change], rest: dict[str, Any]
) -> None:
    before = dict(details)
    assert changes(details) == (found, rest)
    assert details == before


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        ([], "nothing"),
        (True, "yes"),
        (0, "0"),
        (["a", 1], "a, 1"),
        ({"role": "Owner", "sources": []}, "role: Owner; sources: nothing"),
    ],
)
def test_values_read_as_words(value: object, text: str) -> None:
    assert in_words(value) == text
