"""The rule engine: words and likeness, which rule wins, patterns, and that nothing makes it raise or stall."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from privacy.matchers import DEFAULT_MATCHERS, fold
from privacy.rules.book import Decision, How, Origin, PatternError, Probe, Rule, RuleBook, compile_pattern
from privacy.rules.reasons import sentence, sentence_of
from privacy.rules.vocabulary import OTHERWISE, PHRASES
from privacy.rules.words import likeness, pairs, words
from privacy.scanning.shape import Shape

BOOK = RuleBook()


def told(name: str, value: object = None, book: RuleBook = BOOK) -> tuple[str, str, str] | None:
    decision = book.decide(name, value)
    return (decision.classification, decision.rule, decision.how.value) if decision else None


@pytest.mark.parametrize(
    ("key", "spelled"),
    [
        ("firstName", ("first", "name")),
        ("phone-no", ("phone", "no")),
        ("XMLHttpRequest2", ("xml", "http", "request", "2")),
        ("PID.7_DateOfBirth", ("pid", "7", "date", "of", "birth")),
        ("\uff33\uff33\uff2e", ("ssn",)),
        ("__", ()),
        ("", ()),
    ],
)
def test_words_of_a_key(key: str, spelled: tuple[str, ...]) -> None:
    assert words(key) == spelled


@pytest.mark.parametrize(
    ("key", "matcher", "raw", "normalised", "token"),
    [
        ("e-mail", "email", 0.667, 0.857, 0.857),
        ("email_address", "email", 0.500, 0.571, 1.0),
        ("lastName", "name", 0.600, 0.667, 1.0),
        ("first_name", "name", 0.500, 0.600, 1.0),
        ("username", "name", 0.600, 0.600, 0.600),
        ("phone-no", "phone", 0.727, 0.889, 1.0),
        ("phoneNumber", "phone", 0.571, 0.615, 1.0),
        ("creditCard", "credit card", 0.941, 1.0, 1.0),
        ("credit_card_number", "credit card", 0.640, 0.762, 0.769),
        ("zip_code", "zipcode", 0.769, 0.909, 0.909),
        ("postalCode", "zipcode", 0.400, 0.429, 0.667),
        ("date_of_birth", "birthdate", 0.700, 0.875, 0.875),
        ("dob", "birthdate", 0.0, 0.0, 0.0),
        ("ssn", "social security number", 0.0, 0.0, 0.0),
        ("trace", "race", 0.857, 0.857, 0.857),
        ("allergies", "allergy", 0.714, 0.714, 0.714),
        ("precondition", "condition", 0.824, 0.824, 0.824),
        ("diagnosis_code", "diagnosis", 0.762, 0.842, 1.0),
        ("ip_address", "address", 0.800, 0.923, 1.0),
    ],
)
def test_likeness_is_the_documented_one(key: str, matcher: str, raw: float, normalised: float, token: float) -> None:
    name, spelled = pairs(matcher), words(key)
    scores = [likeness(pairs(text), name) for text in (key, " ".join(spelled), *spelled)]
    assert (round(scores[0], 3), round(scores[1], 3), round(max(scores[1:]), 3)) == (raw, normalised, token)


@given(one=st.text(), other=st.text())
def test_likeness_is_symmetric_and_between_0_and_1(one: str, other: str) -> None:
    score = likeness(pairs(one), pairs(other))
    assert 0 <= score <= 1
    assert score == likeness(pairs(other), pairs(one))
    assert likeness(pairs(one), pairs(one)) in {0, 1}


@pytest.mark.parametrize(
    ("name", "decided"),
    [
        ("e-mail", ("yellow", "email", "exact")),
        ("Contact.e_mail_address", ("yellow", "email", "word")),
        ("dateOfBirth", ("yellow", "birthdate", "word")),
        ("firstname", ("yellow", "name", "word")),
        ("passwords", ("red", "password", "string-distance")),
        ("patient.id", ("yellow", "identification", "word")),
        ("allergyIntolerance.code", ("yellow", "allergy", "word")),
        ("address.line", ("yellow", "address", "word")),
        ("address.geo.lat", ("yellow", "address", "inside")),
        ("SSN", ("red", "social security number", "exact")),
        ("certificate_pinning", None),
        ("product.name", None),
        ("products.0.name", None),
        ("email_opened", None),
        ("trace", None),
        ("username", None),
        ("userName", None),
        ("id", None),
        ("", None),
    ],
)
def test_default_rules(name: str, decided: tuple[str, str, str] | None) -> None:
    assert told(name) == decided


@pytest.mark.parametrize("matcher", DEFAULT_MATCHERS, ids=lambda matcher: matcher.name)
def test_every_default_matcher_finds_its_name_and_synonyms(matcher: Any) -> None:
    for term in matcher.terms:
        assert told(term) == (matcher.classification, matcher.name, "exact")
        assert told(term.title().replace(" ", "")) == (matcher.classification, matcher.name, "exact")


def test_vocabulary_is_about_default_matchers() -> None:
    names = {matcher.name for matcher in DEFAULT_MATCHERS}
    assert set(PHRASES) <= names
    assert set(OTHERWISE) <= names
    phrases = [phrase for told in PHRASES.values() for phrase in told]
    assert all(" ".join(words(phrase)) == phrase for phrase in phrases)
    assert len(phrases) == len(set(phrases))


def test_a_custom_matcher_overrides_the_default_one_of_its_name() -> None:
    book = RuleBook([Rule("E-Mail", "red", ("E-Mail", "inbox"), similar=False)])
    assert told("email", book=book) == ("red", "E-Mail", "exact")
    assert told("my e mail", book=book) is None
    assert told("contact", "ana@example.com", book) is None  # the check spoke for the matcher that is gone
    assert told("lastName", book=book) == ("yellow", "name", "word")


def test_the_surer_rule_wins_then_the_redder_then_the_custom_one() -> None:
    similar = Rule("lastly name", "red", ("lastly name",))
    assert told("last name", book=RuleBook([similar])) == ("yellow", "name", "word")
    assert told("home phone", book=RuleBook([Rule("home", "red", ("home",))])) == ("red", "home", "word")
    assert told("home phone", book=RuleBook([Rule("home", "yellow", ("home",))])) == ("yellow", "home", "word")


def test_the_inventory_has_the_last_word() -> None:
    book = RuleBook([Rule("ward", "red", ("ward",))], {"Ward": "green", "visit.bed": "yellow"})
    assert told("ward", book=book) == ("green", "Ward", "classified")
    assert told("visit.ward", book=book) == ("green", "Ward", "classified")
    assert told("visit.bed", book=book) == ("yellow", "visit.bed", "classified")
    assert told("bed", book=book) is None


def test_exactly_means_exactly_and_similar_by_more_than_0_7() -> None:
    exact = Probe(Rule("date of birth", "red", ("date of birth",), similar=False))
    similar = Probe(Rule("date of birth", "red", ("date of birth",)))
    assert [bool(exact.ask(name)) for name in ("DateOfBirth", "dates_of_birth", "birth")] == [True, False, False]
    assert [bool(similar.ask(name)) for name in ("DateOfBirth", "dates_of_birth", "birth")] == [True, True, False]
    assert Probe(Rule("race", "red", ("race",))).ask("trace") is not None  # documented, for custom ones


def test_patterns_are_searched_in_the_text_of_scalars() -> None:
    book = RuleBook(
        [Rule("case", "red", ("^C-[0-9]{4}$", "(?i)chart"), on="value"), Rule("x", "yellow", ("C-",), on="value")]
    )
    for value, decided in [
        ("C-1234", ("red", "case", "pattern")),
        ("my C-1234", ("yellow", "x", "pattern")),
        ("a CHART", ("red", "case", "pattern")),
        ("nothing", None),
        (None, None),
        ({"C-1234": 1}, None),
    ]:
        assert told("ref", value, book) == decided
        assert told("ref", value, book) == decided  # also when the value is known to say nothing
    numbers = RuleBook([Rule("four", "red", ("^[0-9]{4}$",), on="value"), Rule("yes", "red", ("^true$",), on="value")])
    assert [bool(numbers.recommend_value(value)) for value in (1234, "1234", 12345, True, 1, 1.5)] == [
        True,
        True,
        False,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    "terms",
    [
        (r"\Qa)|(b",),
        (r"\Qa.b\E", "x"),
        ("(?P<a>x)", "(?P<a>y)"),
        ("(?i)x", "y"),
        ("x|y", "z"),
        (r"[[:alpha:]]+-\d{2}", "^$|^q$"),
    ],
)
def test_patterns_asked_together_hit_as_each_alone(terms: tuple[str, ...]) -> None:
    together = Probe(Rule("m", "red", terms, on="value"))
    for text in ("a)|(b", "a.b", "aXb", "x", "X", "y", "Y", "z", "ab-12", "q", "", "none here"):
        alone = any(compile_pattern(term).search(text) for term in terms)
        assert bool(together.ask("", text)) is alone, text


# RE2 expressions as they are passed around for personal data, gathered from documentation of scanners and validators.
WILD = (
    r"^[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}$",
    r"\b\d{3}-\d{2}-\d{4}\b",
    r"^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|3[47][0-9]{13})$",
    r"^\+?1?[-. ]?\(?\d{3}\)?[-. ]?\d{3}[-. ]?\d{4}$",
    r"^((25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(25[0-5]|2[0-4]\d|1?\d?\d)$",
    r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\s?\d{2}\s?\d{2}\s?\d{2}\s?[A-D]",
    r"(?i)\b(mrn|medical record)[:# ]*\d{5,10}\b",
    r"[1-9][AC-HJ-NP-RT-Y][AC-HJ-NP-RT-Y0-9]\d[AC-HJ-NP-RT-Y][AC-HJ-NP-RT-Y0-9]\d[AC-HJ-NP-RT-Y]{2}\d{2}",
    r"^[A-TV-Z][0-9][0-9AB](?:\.[0-9A-TV-Z]{1,4})?$",
    r"\p{Lu}\p{Ll}+ \p{Lu}\p{Ll}+",
    r"(a+)+$",
    r"(.*)*x",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
)
REFUSED = {
    r"(?<=a)b": "invalid perl operator: (?<=",
    r"(?!a)b": "invalid perl operator: (?!",
    r"(a)\1": r"invalid escape sequence: \1",
    r"a{2000}": "invalid repetition size: {2000}",
    r"[z-a]": "invalid character class range: z-a",
    r"*a": "no argument for repetition operator: *",
    r"a\C": r"invalid escape sequence: \C",
    r"(?>a)": "invalid perl operator: (?>",
    r"((((a{100}){100}){100}){100})": "invalid repetition size: {100}",
}


@pytest.mark.parametrize("pattern", WILD)
def test_patterns_from_the_wild_take_linear_time(pattern: str) -> None:
    probe = Probe(Rule("wild", "red", (pattern,), on="value"))
    begin = time.process_time()
    for text in ("a" * 2_000 + "!", "1" * 2_000, "a@b." * 500, "é" * 2_000):
        probe.ask("", text)
    assert time.process_time() - begin < 0.5


@pytest.mark.parametrize(("pattern", "said"), REFUSED.items())
def test_patterns_that_re2_does_not_take(pattern: str, said: str) -> None:
    with pytest.raises(PatternError) as refused:
        compile_pattern(pattern)
    assert str(refused.value) == said


@given(pattern=st.text(max_size=40), text=st.text(max_size=60))
def test_any_pattern_is_compiled_or_refused(pattern: str, text: str) -> None:
    pattern = pattern.encode(errors="replace").decode()
    try:
        compile_pattern(pattern)
    except PatternError:
        return
    Probe(Rule("m", "red", (pattern,), on="value")).ask("", text)


CUSTOM = RuleBook(
    [
        Rule("ward number", "red", ("ward number", "bed", "é.è")),
        Rule("case", "yellow", ("^C-", r"\d{3}", "(?i)straße"), on="value"),
    ],
    {"plan": "green"},
)
KEYS = (
    st.text()
    | st.text(alphabet=st.characters())
    | st.sampled_from(["name", "a.b", "...", "e-mail", "\ud800", "İ", "\0"])
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet=st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=40,
)


@given(part=JSON, where=st.sampled_from(["context", "traits", "properties", "property"]))
def test_matching_never_raises_for_any_json(part: Any, where: str) -> None:
    fields = Shape(CUSTOM).fields_of({where: part})
    assert len({field.name for field in fields}) <= len(fields)
    for field in fields:
        decision = CUSTOM.decide(field.name)
        assert decision is None or sentence_of(decision)


@settings(max_examples=30, deadline=None)
@given(key=KEYS, times=st.integers(1, 5_000), between=st.sampled_from(["", "_", ".", " "]))
def test_matching_a_key_takes_bounded_time(key: str, times: int, between: str) -> None:
    name = between.join([key] * times)[:10_000]
    begin = time.process_time()
    CUSTOM.decide(name, name)
    assert time.process_time() - begin < 0.25


@example(name="TEXT")  # says nothing by itself, unless a custom matcher names it
@given(name=st.text())
def test_a_spelling_that_folds_alike_is_equal(name: str) -> None:
    if "." in name or not fold(name):
        return
    rule = Rule("m", "red", (name,), similar=False)
    for spelling in (name.upper(), name.lower(), f"_{name} ", f"x.{name}"):
        if fold(spelling.rpartition(".")[2]) == fold(name):
            assert Probe(rule).ask(spelling) is not None


@pytest.mark.parametrize(
    ("how", "term", "score", "said"),
    [
        ("exact", "email", 1.0, "The key is “email”."),
        ("word", "last name", 1.0, "The key holds “last name”."),
        ("string-distance", "email", 0.857, "The key is similar to “email”: 0.86, and more than 0.7 counts."),
        ("inside", "address", 1.0, "It stands inside the key “address”."),
        ("pattern", "^C-", 1.0, "The value matches “^C-”."),
        ("value check", "e-mail address", 1.0, "The value is an e-mail address."),
        ("value check", "phone number", 1.0, "The value is a phone number."),
        ("value check", "US social security number", 1.0, "The value is a US social security number."),
        ("classified", "visit.bed", 1.0, "An owner classified “visit.bed” in the inventory."),
        ("", "", 0.0, ""),
    ],
)
def test_reasons_are_sentences(how: str, term: str, score: float, said: str) -> None:
    assert sentence(how, term, score) == said


def test_every_way_of_finding_has_a_sentence() -> None:
    for how in How:
        assert sentence_of(Decision("red", Origin.CUSTOM, "m", how, "term", 0.9)).endswith(".")
