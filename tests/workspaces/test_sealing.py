"""Sealed values open with the right key for the right row, and not otherwise."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from workspaces import sealing
from workspaces.sealing import HEADER_BYTES, SealError, check_keys, seal, unseal

OLD, NEW = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))


@pytest.fixture(autouse=True)
def _fresh_keys() -> Iterator[None]:
    forget()
    yield
    forget()


def forget() -> None:
    """What a new process would not know."""
    for cached in (sealing._masters, sealing._sealer, sealing._opener):
        cached.cache_clear()


@given(st.binary(max_size=5000), st.binary(max_size=50))
def test_what_is_sealed_opens_again(plain: bytes, row: bytes) -> None:
    assert unseal(seal(plain, bound_to=row), bound_to=row) == plain


@given(st.binary(min_size=1, max_size=200), st.binary(max_size=50), st.binary(max_size=50))
def test_a_value_moved_to_another_row_does_not_open(plain: bytes, row: bytes, other: bytes) -> None:
    if row != other:
        with pytest.raises(SealError):
            unseal(seal(plain, bound_to=row), bound_to=other)


@given(st.binary(max_size=50), st.data())
def test_one_flipped_bit_anywhere_is_noticed(plain: bytes, data: st.DataObject) -> None:
    sealed = bytearray(seal(plain, bound_to=b"row"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SealError):
        unseal(bytes(sealed), bound_to=b"row")


@given(st.binary(max_size=100))
def test_what_was_never_sealed_is_refused(junk: bytes) -> None:
    with pytest.raises(SealError):
        unseal(junk, bound_to=b"row")


@given(st.integers(0, HEADER_BYTES + 15))
def test_a_cut_value_is_refused(length: int) -> None:
    with pytest.raises(SealError):
        unseal(seal(b"", bound_to=b"row")[:length], bound_to=b"row")


def test_the_plain_text_is_not_in_the_sealed_value() -> None:
    assert b"patient" not in seal(b"patient", bound_to=b"row")


def test_key_and_nonce_never_come_twice() -> None:
    heads = {seal(b"same", bound_to=b"row")[5:HEADER_BYTES] for _ in range(10_000)}
    assert len(heads) == 10_000


def test_a_forked_child_draws_a_salt_of_its_own() -> None:
    mine = seal(b"x", bound_to=b"row")[5:21]
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, seal(b"x", bound_to=b"row")[5:21])
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reading, 16)
    os.close(reading)
    os.close(writing)
    assert len(theirs) == 16
    assert theirs != mine


def test_after_rotation_old_values_open_and_new_ones_use_the_new_key() -> None:
    with override_settings(DATA_SEALING_KEYS=[OLD]):
        before = seal(b"old", bound_to=b"row")
    forget()
    with override_settings(DATA_SEALING_KEYS=[NEW, OLD]):
        assert unseal(before, bound_to=b"row") == b"old"
        after = seal(b"new", bound_to=b"row")
    forget()
    with override_settings(DATA_SEALING_KEYS=[NEW]):
        assert unseal(after, bound_to=b"row") == b"new"
        with pytest.raises(SealError, match="not in DATA_SEALING_KEYS"):
            unseal(before, bound_to=b"row")


@pytest.mark.parametrize("keys", [[], [""], ["AAAA"], ["not base64!"], [OLD, "AAAA"]])
def test_keys_that_cannot_be_used_are_noticed(keys: list[str]) -> None:
    with override_settings(DATA_SEALING_KEYS=keys), pytest.raises((SealError, ValueError)):
        check_keys()
