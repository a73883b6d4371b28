"""Cells of the download are safe in a spreadsheet and lose nothing."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.export import FORMULA_STARTS, cell


@given(st.text())
def test_no_cell_starts_a_formula(text: str) -> None:
    assert not cell(text).startswith(FORMULA_STARTS)


@given(st.text(alphabet=st.characters(blacklist_characters="\r\n\x00", codec="utf-8")))
def test_a_reader_gets_the_text_back(text: str) -> None:
    file = io.StringIO()
    csv.writer(file).writerow([cell(text), "end"])
    read = next(csv.reader(io.StringIO(file.getvalue())))
    assert read[0].removeprefix("'") in {text, text.removeprefix("'")}
    assert read[1] == "end"


@pytest.mark.parametrize(("value", "text"), [(None, ""), ({}, ""), ("plain", "plain"), ("-1", "'-1"), (7, "7")])
def test_plain_values(value: object, text: str) -> None:
    assert cell(value) == text
