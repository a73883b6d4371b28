"""Folding of keys, and the documented default matchers."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.matchers import DEFAULT_MATCHERS, Matcher, find_default_matcher, fold

RED = "social security number, password, visa, veteran, disability, credit card, passport, token"
YELLOW = (
    "race, birthdate, phone, address, gender, ethnicity, citizenship, name, street, city, zipcode, email, certificate, "
    "license, identification, serial, ip, photo, salary, religion, mac, sex, sexual orientation, medication, allergy, "
    "condition, diagnosis, procedure"
)


def names(classification: str) -> str:
    return ", ".join(matcher.name for matcher in DEFAULT_MATCHERS if matcher.classification == classification)


def full_width(key: str) -> str:
    """The key as an East Asian keyboard may write it."""
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in key)


def test_the_red_ones_are_as_documented() -> None:
    assert names("red") == RED


def test_the_yellow_ones_are_as_documented() -> None:
    assert names("yellow") == YELLOW


def test_there_are_36_red_ones_first() -> None:
    assert [matcher.classification for matcher in DEFAULT_MATCHERS] == ["red"] * 8 + ["yellow"] * 28


def test_no_term_stands_for_two_matchers() -> None:
    terms = [fold(term) for matcher in DEFAULT_MATCHERS for term in matcher.terms]
    assert len(terms) == len(set(terms))


def test_terms_are_the_name_and_then_the_synonyms() -> None:
    assert Matcher("credit card", "red", ("card no", "cc")).terms == ("credit card", "card no", "cc")


def test_abbreviations_are_synonyms() -> None:
    assert [matcher.name for matcher in DEFAULT_MATCHERS if {"ssn", "dob"} & set(matcher.terms)] == [
        "social security number",
        "birthdate",
    ]


@pytest.mark.parametrize("name", ["sexual orientation", "Sexual_Orientation", "sexualOrientation"])
def test_a_matcher_is_found_by_any_spelling_of_its_name(name: str) -> None:
    found = find_default_matcher(name)
    assert found is not None
    assert found.name == "sexual orientation"


@pytest.mark.parametrize("name", ["", "sexual", "ssn", "nonsense"])
def test_nothing_else_is_found_by_name(name: str) -> None:
    assert find_default_matcher(name) is None


@pytest.mark.parametrize(
    "key",
    ["firstName", "FirstName", "first_name", "first-name", "FIRST NAME", " first  name ", "first\tname", "FIRST__NAME"],
)
def test_spellings_of_one_key_fold_alike(key: str) -> None:
    assert fold(key) == "firstname"


@pytest.mark.parametrize(
    ("key", "folded"),
    [
        (full_width("email"), "email"),
        (full_width("EMAIL_") + "address", "emailaddress"),
        ("EMAİL", "email"),  # upper case in Turkish
        ("c\u0131ty", "city"),  # lower case in Turkish
        ("e\u2011mail", "email"),  # non-breaking hyphen
        ("e\u2013mail", "email"),  # dash
        ("first\u00a0name", "firstname"),  # non-breaking space
        ("e\u200bmail", "email"),  # zero-width space
        ("e\u00admail", "email"),  # soft hyphen
        ("Straße", "strasse"),
        ("ﬁrst", "first"),  # ligature
        ("Größe", "grösse"),
        ("Gro\u0308ße", "grösse"),  # decomposed
        ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
    ],
)
def test_keys_beyond_ascii(key: str, folded: str) -> None:
    assert fold(key) == folded


@pytest.mark.parametrize(("one", "other"), [("name", "names"), ("e.mail", "email"), ("é", "e"), ("naïve", "naive")])
def test_different_keys_stay_different(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(key=st.text())
def test_folding_twice_changes_nothing(key: str) -> None:
    assert fold(fold(key)) == fold(key)


@given(key=st.text(alphabet=st.characters(codec="ascii")))
def test_case_does_not_matter(key: str) -> None:
    assert fold(key.upper()) == fold(key.lower()) == fold(key.swapcase())


@given(words=st.lists(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1), min_size=1), between=st.sampled_from(" _-"))
def test_separated_and_camel_case_words_fold_alike(words: list[str], between: str) -> None:
    assert fold(between.join(words)) == fold("".join(word.capitalize() for word in words)) == "".join(words)


@given(key=st.text())
def test_a_full_width_copy_of_a_key_folds_alike(key: str) -> None:
    assert fold(full_width(key)) == fold(key)


def test_every_character_settles() -> None:
    """Every code point, lone surrogates too: none makes folding run on or fold differently the second time."""
    step = 64
    for start in range(0, sys.maxunicode + 1, step):
        folded = fold("i".join(map(chr, range(start, start + step))))
        assert fold(folded) == folded
