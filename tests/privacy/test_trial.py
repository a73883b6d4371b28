"""Test JSON: which parts of a pasted text a matcher hits, where, and why."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.rules.book import Rule
from privacy.scanning.trial import LONGEST_JSON, Trial, try_json

CARD = Rule("credit card number", "red", ("credit card number", "credit card no", "debit_card_no"), similar=False)
NAME = Rule("name", "yellow", ("name",))
CASE = Rule("case", "yellow", ("^C-[0-9]+$", "[0-9]{3}"), on="value")


def marked(trial: Trial) -> list[str]:
    return [part.text for part in trial.parts if part.hit]


def told(trial: Trial) -> list[tuple[str, int, str]]:
    return [(hit.name, hit.line, hit.reason) for hit in trial.hits]


def test_the_documented_example() -> None:
    text = '{\n  "email": "h@mail.com",\n  "credit card no": "4",\n  "Debit_Card_No": "6"\n}'
    trial = try_json(text, CARD)
    assert marked(trial) == ["credit card no", "Debit_Card_No"]
    assert told(trial) == [
        ("credit card no", 3, "The key is “credit card no”."),
        ("Debit_Card_No", 4, "The key is “debit_card_no”."),
    ]
    assert "".join(part.text for part in trial.parts) == text


def test_likeness_words_and_what_stands_below() -> None:
    trial = try_json('{"lastName": 1, "nmae": 2, "names": 3, "name": {"official": {"text": null}}, "game": []}', NAME)
    assert told(trial) == [
        ("lastName", 1, "The key holds “name”."),
        ("names", 1, "The key is similar to “name”: 0.86, and more than 0.7 counts."),
        ("name", 1, "The key is “name”."),
        ("name.official", 1, "It stands inside the key “name”."),
        ("name.official.text", 1, "It stands inside the key “name”."),
    ]


def test_values_are_marked_without_their_quotation_marks() -> None:
    trial = try_json('{"a": "C-22", "C-33": [{"b": "no"}, "C-\\u0031", 1234, true, null], "c": "12"}', CASE)
    assert marked(trial) == ["C-22", "C-\\u0031", "1234"]
    assert told(trial) == [
        ("a", 1, "The value matches “^C-[0-9]+$”."),
        ("C-33", 1, "The value matches “^C-[0-9]+$”."),
        ("C-33", 1, "The value matches “[0-9]{3}”."),
    ]


def test_of_an_event_only_what_is_scanned() -> None:
    event = {
        "type": "track",
        "name": 1,
        "properties": {"name": 2},
        "context": {"app": {"fullName": 3}},
        "other": {"name": 4},
    }
    assert [hit.name for hit in try_json(json.dumps(event), NAME).hits] == ["name", "app.fullName"]


def test_a_top_level_list_is_looked_into() -> None:
    assert marked(try_json('[{"name": 1}, [{"first_name": 2}]]', NAME)) == ["name", "first_name"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            '{\n  "a": 1,\n}',
            "This is no JSON yet. Line 3, column 1: Expecting property name enclosed in double quotes.",
        ),
        ('{"a": "b', "This is no JSON yet. Line 1, column 7: Unterminated string starting at."),
        ('{"a": NaN}', "This is no JSON: NaN is not one of its values."),
        ("[" * 9_000 + "]" * 9_000, "This JSON is nested too deeply to be tested."),
        ("1" * 5_000, "This is no JSON: Exceeds the limit (4300 digits)"),
        (" " * (LONGEST_JSON + 1), "Only 20,000 characters are tested, here are 20,001."),
    ],
)
def test_what_is_no_json_is_told_where(text: str, error: str) -> None:
    trial = try_json(text, NAME)
    assert trial.error.startswith(error.removesuffix("."))
    assert (trial.parts, trial.hits) == ((), ())


@pytest.mark.parametrize("text", ["", "  \n", "1", '"name"', "null"])
def test_nothing_to_hit(text: str) -> None:
    trial = try_json(text, NAME)
    assert (trial.error, trial.hits) == ("", ())


def test_many_hits_are_all_marked_and_some_listed() -> None:
    trial = try_json(json.dumps({f"name{n}": n for n in range(150)}), NAME)
    assert (len(marked(trial)), len(trial.hits), trial.total, trial.unlisted) == (150, 100, 150, 50)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["name", "a.b", "properties"]), inner),
    max_leaves=30,
)


@given(value=JSON, indent=st.sampled_from([None, 2]), rule=st.sampled_from([CARD, NAME, CASE]))
def test_any_json_comes_back_letter_for_letter(value: Any, indent: int | None, rule: Rule) -> None:
    text = json.dumps(value, indent=indent)
    trial = try_json(text, rule)
    assert (trial.error, "".join(part.text for part in trial.parts)) == ("", text)


@given(text=st.text())
def test_any_text_is_answered(text: str) -> None:
    try_json(text, NAME)
