"""The cipher: what it writes opens everywhere, with the private key only, and fits the formats to the byte."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.errors import JoseError

from destinations.encryption.cipher import ValueCipher
from destinations.encryption.keys import KEY_SIZES, KeyPair, capacity, fingerprint, generate_key_pair, thumbprint
from tests.destinations.opening import VECTORS, Opener, by_either, by_joserfc, by_textbook, command_lines

PAIRS = {bits: generate_key_pair(bits) for bits in KEY_SIZES}
CIPHERS = {bits: ValueCipher(pair.public_pem) for bits, pair in PAIRS.items()}
OPENERS = pytest.mark.parametrize("opener", command_lines())
SIZES = pytest.mark.parametrize("bits", KEY_SIZES)


@pytest.fixture
def pair() -> KeyPair:
    return PAIRS[2048]


@pytest.fixture
def cipher() -> ValueCipher:
    return CIPHERS[2048]


def vector(bits: int) -> dict[str, Any]:
    return json.loads((VECTORS / f"rsa{bits}.json").read_text())


def protected_header(token: str) -> dict[str, str]:
    return json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))


def key_file(folder: Path, private_pem: str) -> Path:
    path = folder / "private.pem"
    path.write_text(private_pem)
    return path


@settings(max_examples=40, deadline=None)
@given(plain=st.binary(max_size=190))
def test_a_block_opens_by_rfc_8017(plain: bytes) -> None:
    block = base64.b64decode(CIPHERS[2048].encrypt(plain), validate=True)
    assert by_textbook(PAIRS[2048].private_pem, block) == plain


@settings(max_examples=40, deadline=None)
@given(plain=st.binary(min_size=191, max_size=5000))
def test_a_longer_value_opens_by_joserfc(plain: bytes) -> None:
    assert by_joserfc(PAIRS[2048].private_pem, CIPHERS[2048].encrypt(plain)) == plain


@SIZES
@settings(max_examples=10, deadline=None)
@given(text=st.text(max_size=600))
def test_text_of_any_length_opens_with_any_key_size(bits: int, text: str) -> None:
    assert by_either(PAIRS[bits].private_pem, CIPHERS[bits].encrypt(text.encode())) == text.encode()


@SIZES
def test_the_longest_block_is_base64_of_as_many_bytes_as_the_key(bits: int) -> None:
    encrypted = CIPHERS[bits].encrypt(b"x" * capacity(bits))
    assert len(base64.b64decode(encrypted, validate=True)) == bits // 8


@SIZES
def test_one_byte_more_than_a_block_is_a_jwe(bits: int) -> None:
    assert CIPHERS[bits].encrypt(b"x" * (capacity(bits) + 1)).count(".") == 4


def test_the_header_names_both_algorithms_and_the_key(pair: KeyPair, cipher: ValueCipher) -> None:
    header = protected_header(cipher.encrypt(b"x" * 191))
    assert header == {"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": thumbprint(pair.public_pem)}


def test_the_parts_of_a_jwe_have_their_lengths(cipher: ValueCipher) -> None:
    parts = [base64.urlsafe_b64decode(part + "==") for part in cipher.encrypt(b"x" * 500).split(".")]
    assert [len(part) for part in parts[1:]] == [256, 12, 500, 16]


def test_a_jwe_has_no_padding_or_line_breaks(cipher: ValueCipher) -> None:
    assert not set("=+/\n") & set(cipher.encrypt(b"x" * 5000))


@pytest.mark.parametrize("plain", [b"", b"same", b"x" * 191])
def test_the_same_value_never_gives_the_same_string(cipher: ValueCipher, plain: bytes) -> None:
    assert len({cipher.encrypt(plain) for _ in range(20)}) == 20


def test_no_two_values_share_a_content_key_or_a_nonce(cipher: ValueCipher) -> None:
    tokens = [cipher.encrypt(b"x" * 191).split(".") for _ in range(20)]
    assert [len({token[part] for token in tokens}) for part in (1, 2, 3)] == [20, 20, 20]


def test_another_key_does_not_open_a_jwe(cipher: ValueCipher) -> None:
    stranger = generate_key_pair(2048)
    with pytest.raises((JoseError, ValueError)):
        by_joserfc(stranger.private_pem, cipher.encrypt(b"x" * 191))


def test_a_changed_jwe_does_not_open(pair: KeyPair, cipher: ValueCipher) -> None:
    head, sealed, tag = cipher.encrypt(b"x" * 191).rsplit(".", 2)
    changed = ("B" if sealed[0] == "A" else "A") + sealed[1:]
    with pytest.raises((JoseError, InvalidTag)):
        by_joserfc(pair.private_pem, f"{head}.{changed}.{tag}")


def test_a_cipher_is_built_from_a_public_key_only(pair: KeyPair) -> None:
    with pytest.raises(ValueError):
        ValueCipher(pair.private_pem)


@OPENERS
@SIZES
def test_the_vectors_open(opener: Opener, bits: int, tmp_path: Path) -> None:
    kept = vector(bits)
    key = key_file(tmp_path, kept["test_only_private_pem"])
    opened = opener(key, [case["encrypted"] for case in kept["cases"]])
    assert opened == [base64.b64decode(case["plain_base64"]) for case in kept["cases"]]


@OPENERS
def test_fresh_values_open(opener: Opener, tmp_path: Path, pair: KeyPair, cipher: ValueCipher) -> None:
    plain = [b"", "Zoë 東京".encode(), b"x" * 190, b"x" * 191, bytes(range(256)) * 9]
    key = key_file(tmp_path, pair.private_pem)
    assert opener(key, [cipher.encrypt(value) for value in plain]) == plain


@SIZES
def test_the_vectors_open_by_textbook_and_joserfc(bits: int) -> None:
    kept = vector(bits)
    opened = [by_either(kept["test_only_private_pem"], case["encrypted"]) for case in kept["cases"]]
    assert opened == [base64.b64decode(case["plain_base64"]) for case in kept["cases"]]


@SIZES
def test_the_vectors_hold_both_formats(bits: int) -> None:
    dots = {case["name"]: case["encrypted"].count(".") for case in vector(bits)["cases"]}
    assert (dots["longest block"], dots["shortest JWE"]) == (0, 4)


@SIZES
def test_the_vectors_name_their_key_as_we_do(bits: int) -> None:
    kept = vector(bits)
    assert fingerprint(kept["public_pem"]) == kept["fingerprint"]
    assert thumbprint(kept["public_pem"]) == kept["thumbprint"]
    assert "TEST ONLY" in kept["warning"]
