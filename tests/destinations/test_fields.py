"""Which fields are encrypted, what becomes of their values, and that nothing else changes."""

from __future__ import annotations

import copy
import traceback
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from destinations.encryption import fields
from destinations.encryption.cipher import EncryptionFailed, ValueCipher
from destinations.encryption.fields import FieldEncryption
from destinations.encryption.keys import generate_key_pair
from privacy.matchers import fold
from tests.destinations.opening import by_either

PAIR = generate_key_pair(2048)
CIPHER = ValueCipher(PAIR.public_pem)
ROOTS = ("context", "traits", "properties", "property")


def encrypt(event: dict[str, Any], *terms: str) -> dict[str, Any]:
    return FieldEncryption(CIPHER, terms).apply(event)


def opened(encrypted: str) -> str:
    return by_either(PAIR.private_pem, encrypted).decode()


def opened_part(part: Any) -> Any:
    """What a matched object or list holds, every string in it decrypted."""
    if isinstance(part, dict):
        return {key: opened_part(held) for key, held in part.items()}
    if isinstance(part, list):
        return [opened_part(item) for item in part]
    return opened(part) if isinstance(part, str) else part


def nested(levels: int, innermost: Any) -> dict[str, Any]:
    """`levels` objects, one in the other, the innermost of which holds `innermost` under `a`."""
    for _ in range(levels):
        innermost = {"a": innermost}
    return innermost


@pytest.mark.parametrize("root", ROOTS)
def test_a_field_below_each_documented_object_is_encrypted(root: str) -> None:
    after = encrypt({root: {"email": "m@example.com", "plan": "gold"}}, "email")
    assert opened(after[root].pop("email")) == "m@example.com"
    assert after == {root: {"plan": "gold"}}


def test_context_traits_are_below_context() -> None:
    after = encrypt({"context": {"traits": {"email": "m@example.com"}}}, "email")
    assert opened(after["context"]["traits"]["email"]) == "m@example.com"


@pytest.mark.parametrize("name", ["userId", "anonymousId", "event", "messageId", "groupId", "previousId", "email"])
def test_top_level_fields_stay_even_under_a_matching_name(name: str) -> None:
    event = {name: "m@example.com", "integrations": {name: "x"}, "properties": {}}
    assert encrypt(event, name) is event


def test_the_documented_objects_themselves_are_no_fields() -> None:
    event = {root: {"plan": "gold"} for root in ROOTS}
    assert encrypt(event, *ROOTS) is event


@pytest.mark.parametrize("key", ["firstName", "first_name", "FIRST-NAME", "first name", "First Name", "__firstname"])
def test_spelling_of_the_key_does_not_matter(key: str) -> None:
    after = encrypt({"traits": {key: "Maria"}}, "first name")
    assert opened(after["traits"][key]) == "Maria"


@pytest.mark.parametrize("key", ["emails", "emial", "e.mail", "email2", "myEmail", "email_address"])
def test_there_is_no_fuzzy_matching(key: str) -> None:
    event = {"traits": {key: "m@example.com"}}
    assert encrypt(event, "email") is event


def test_lists_are_transparent() -> None:
    event = {"properties": {"guests": [{"email": "a@b.c"}, 7, [{"email": "d@e.f", "seat": 2}]]}}
    guests = encrypt(event, "email")["properties"]["guests"]
    assert [opened(guests[0]["email"]), opened(guests[2][0].pop("email"))] == ["a@b.c", "d@e.f"]
    assert guests[1:] == [7, [{"seat": 2}]]


def test_a_documented_object_that_is_a_list_is_searched() -> None:
    after = encrypt({"properties": [{"email": "a@b.c"}]}, "email")
    assert opened(after["properties"][0]["email"]) == "a@b.c"


@pytest.mark.parametrize("held", [None, "text", 7, True, [], {}])
def test_documented_objects_of_other_types_pass(held: Any) -> None:
    event = {"properties": held, "traits": held}
    assert encrypt(event, "email") is event


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Zoë 東京 🏥", "Zoë 東京 🏥"),
        ("", ""),
        ("x" * 191, "x" * 191),
        (42, "42"),
        (-7, "-7"),
        (0, "0"),
        (True, "true"),
        (False, "false"),
        (120.5, "120.5"),
        (1.0, "1.0"),
        (1e300, "1e+300"),
        (2**64 - 1, "18446744073709551615"),
    ],
)
def test_what_a_scalar_becomes(value: Any, text: str) -> None:
    assert opened(encrypt({"traits": {"f": value}}, "f")["traits"]["f"]) == text


def test_null_stays_null() -> None:
    event = {"traits": {"email": None}}
    assert encrypt(event, "email") is event


def test_every_leaf_under_a_matched_object_is_encrypted_and_the_shape_stays() -> None:
    address = {"city": "Bilbao", "geo": {"lat": 43.26, "ok": True, "alt": None}, "lines": ["a", [1, {}], []]}
    after = encrypt({"traits": {"address": address, "plan": "gold"}}, "address")
    assert opened_part(after["traits"]["address"]) == {
        "city": "Bilbao",
        "geo": {"lat": "43.26", "ok": "true", "alt": None},
        "lines": ["a", ["1", {}], []],
    }
    assert after["traits"]["plan"] == "gold"


@pytest.mark.parametrize("empty", [{}, [], [None], [[], {}]])
def test_a_matched_field_without_a_scalar_changes_nothing(empty: Any) -> None:
    event = {"traits": {"address": empty}}
    assert encrypt(event, "address") == {"traits": {"address": empty}}


def test_the_order_of_keys_stays() -> None:
    after = encrypt({"z": 1, "traits": {"b": "1", "email": "2", "a": "3"}, "a": 2}, "email")
    assert (list(after), list(after["traits"])) == (["z", "traits", "a"], ["b", "email", "a"])


def test_the_event_given_is_not_changed() -> None:
    event = {"traits": {"email": "a@b.c", "l": [{"email": "d"}]}, "context": {"traits": {"email": "e"}}}
    before = copy.deepcopy(event)
    encrypt(event, "email", "l")
    assert event == before


def test_untouched_parts_are_shared() -> None:
    event = {"traits": {"email": "a@b.c", "other": {"x": [1]}}, "context": {"page": {}}}
    after = encrypt(event, "email")
    assert after["context"] is event["context"]
    assert after["traits"]["other"] is event["traits"]["other"]


def test_no_terms_no_change() -> None:
    event = {"traits": {"email": "a@b.c"}}
    assert encrypt(event) is event


@pytest.mark.parametrize("value", ["\ud800 secret", float("nan"), float("inf"), 2**64, (1, 2), b"secret", object()])
@pytest.mark.parametrize("wrap", [lambda held: held, lambda held: [held], lambda held: {"x": held}])
def test_what_cannot_be_encrypted_fails_without_naming_the_value(value: Any, wrap: Callable[[Any], Any]) -> None:
    with pytest.raises(EncryptionFailed) as failed:
        encrypt({"traits": {"email": wrap(value)}}, "email")
    told = "".join(traceback.format_exception_only(failed.value))
    assert (failed.value.__context__, failed.value.__cause__) == (None, None)
    assert "secret" not in told
    assert repr(value) not in told


def test_the_deepest_event_that_can_be_sent_is_encrypted() -> None:
    event = {"properties": nested(252, {"email": "a@b.c"})}
    after = encrypt(event, "email")
    assert orjson.dumps(after).count(b"a@b.c") == 0
    assert encrypt(event, "other") is event


@pytest.mark.parametrize("term", ["email", "a", "other"])
@pytest.mark.parametrize("levels", [253, 900])
def test_a_deeper_event_fails(levels: int, term: str) -> None:
    event = {"properties": nested(levels, {"email": "a@b.c"})}
    with pytest.raises(EncryptionFailed, match="too deeply"):
        encrypt(event, term)


@pytest.mark.parametrize("term", ["email", "other"])
def test_the_deepest_lists_that_orjson_reads_fail(term: str) -> None:
    event = orjson.loads('{"properties":{"email":' + "[" * 1021 + '"a@b.c"' + "]" * 1021 + "}}")
    with pytest.raises(EncryptionFailed, match="too deeply"):
        encrypt(event, term)


def test_the_memo_of_keys_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "MEMO_KEYS", 10)
    encryption = FieldEncryption(CIPHER, ["email"])
    for number in range(35):
        after = encryption.apply({"traits": {f"key{number}": 1, "E-Mail": "a@b.c"}})
        assert opened(after["traits"]["E-Mail"]) == "a@b.c"
        assert len(encryption._hits) <= 10


def test_long_keys_are_matched_but_not_remembered() -> None:
    long = "email" + "_" * 200
    encryption = FieldEncryption(CIPHER, ["email"])
    after = encryption.apply({"traits": {long: "a@b.c", "x" * 200: 1}})
    assert opened(after["traits"][long]) == "a@b.c"
    assert not encryption._hits


# The whole rule once more, written as plainly as can be, on events of any shape.

KEYS = st.sampled_from(
    ["email", "E-Mail", "e_mail", "name", "firstName", "plan", "x", "context", "traits", "\uff45mail"]
)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    SCALARS | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=15,
)
EVENTS = st.dictionaries(st.sampled_from([*ROOTS, "email", "userId", "integrations"]), JSON, max_size=5)


class Marking(ValueCipher):
    """Marks instead of encrypting, so that whole events can be compared."""

    def __init__(self) -> None:
        pass

    def encrypt(self, plain: bytes) -> str:
        return f"<{plain.decode()}>"


def expected(value: Any, *, matched: bool) -> Any:
    if isinstance(value, dict):
        return {
            key: expected(held, matched=matched or fold(key) in {"email", "firstname"}) for key, held in value.items()
        }
    if isinstance(value, list):
        return [expected(item, matched=matched) for item in value]
    if not matched or value is None:
        return value
    return f"<{value}>" if isinstance(value, str) else f"<{orjson.dumps(value).decode()}>"


@settings(max_examples=300, deadline=None)
@given(event=EVENTS)
def test_any_event_comes_out_as_the_plain_rule_says(event: dict[str, Any]) -> None:
    before = copy.deepcopy(event)
    after = FieldEncryption(Marking(), ["first name", "email"]).apply(event)
    assert after == {key: expected(held, matched=False) if key in ROOTS else held for key, held in event.items()}
    assert event == before


@settings(max_examples=300, deadline=None)
@given(event=EVENTS)
def test_an_event_without_a_match_is_the_same_object(event: dict[str, Any]) -> None:
    assert FieldEncryption(Marking(), ["nowhere"]).apply(event) is event
