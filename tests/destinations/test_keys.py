"""Key pairs: their form, their names (fingerprint, thumbprint), and what they refuse to be."""

import re
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from joserfc.jwk import RSAKey

from destinations.encryption.keys import (
    DEFAULT_KEY_SIZE,
    KEY_SIZES,
    KeyPair,
    capacity,
    fingerprint,
    generate_key_pair,
    load_public_key,
    thumbprint,
)


@pytest.fixture(scope="module")
def pair() -> KeyPair:
    return generate_key_pair(2048)


def pem(key: PublicKeyTypes) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize("bits", KEY_SIZES)
def test_a_pair_has_the_size_asked_for_and_exponent_65537(bits: int) -> None:
    made = generate_key_pair(bits)
    numbers = load_pem_public_key(made.public_pem.encode()).public_numbers()
    assert (made.bits, numbers.n.bit_length(), numbers.e) == (bits, bits, 65537)


def test_the_default_size_is_3072() -> None:
    assert (DEFAULT_KEY_SIZE, generate_key_pair().bits) == (3072, 3072)


def test_the_halves_belong_together(pair: KeyPair) -> None:
    private = load_pem_private_key(pair.private_pem.encode(), None)
    assert pem(private.public_key()) == pair.public_pem


def test_the_private_half_is_pkcs8_and_the_public_half_spki(pair: KeyPair) -> None:
    assert pair.private_pem.startswith("-----BEGIN PRIVATE KEY-----\n")
    assert pair.public_pem.startswith("-----BEGIN PUBLIC KEY-----\n")


def test_two_pairs_differ(pair: KeyPair) -> None:
    assert generate_key_pair(2048).public_pem != pair.public_pem


@pytest.mark.parametrize("bits", [0, 512, 1024, 2047, 8192, -2048])
def test_other_sizes_are_refused(bits: int) -> None:
    with pytest.raises(ValueError, match="key size"):
        generate_key_pair(bits)


@pytest.mark.parametrize("show", [repr, str, "{}".format])
def test_a_shown_pair_holds_no_private_half(pair: KeyPair, show) -> None:
    secret_lines = pair.private_pem.splitlines()[1:-1]
    assert "PRIVATE" not in show(pair)
    assert not [line for line in secret_lines if line in show(pair)]


def test_the_fingerprint_is_what_openssl_says(pair: KeyPair) -> None:
    command = "openssl pkey -pubin -outform DER | openssl dgst -sha256 -c"
    said = subprocess.run(command, shell=True, input=pair.public_pem, capture_output=True, text=True, check=True).stdout
    assert fingerprint(pair.public_pem) == said.split()[-1].upper()


def test_the_fingerprint_fills_its_column(pair: KeyPair) -> None:
    assert re.fullmatch(r"([0-9A-F]{2}:){31}[0-9A-F]{2}", fingerprint(pair.public_pem))


def test_white_space_round_the_pem_does_not_change_the_fingerprint(pair: KeyPair) -> None:
    assert fingerprint(f"\n{pair.public_pem}\n\n") == fingerprint(pair.public_pem)


def test_the_thumbprint_of_rfc_7638() -> None:
    """The example of section 3.1."""
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
        "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA"
        "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"
        "kEgU8awapJzKnqDKgw"
    )
    key = RSAKey.import_key({"kty": "RSA", "n": n, "e": "AQAB"})
    assert thumbprint(key.as_pem(private=False).decode()) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize("bits", KEY_SIZES)
def test_the_thumbprint_is_what_joserfc_says(bits: int) -> None:
    public_pem = generate_key_pair(bits).public_pem
    assert thumbprint(public_pem) == RSAKey.import_key(public_pem).thumbprint()


@pytest.mark.parametrize(("bits", "room"), [(2048, 190), (3072, 318), (4096, 446)])
def test_what_a_block_holds(bits: int, room: int) -> None:
    assert capacity(bits) == room


def test_capacity_refuses_other_sizes() -> None:
    with pytest.raises(ValueError, match="key size"):
        capacity(1024)


def test_a_private_key_is_not_taken_for_a_public_one(pair: KeyPair) -> None:
    with pytest.raises(ValueError) as refused:
        load_public_key(pair.private_pem)
    assert pair.private_pem.splitlines()[1] not in str(refused.value)


@pytest.mark.parametrize("text", ["", "not a key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_what_is_no_pem_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        load_public_key(text)


@pytest.mark.parametrize(
    "private",
    [
        pytest.param(ec.generate_private_key(ec.SECP256R1()), id="not RSA"),
        pytest.param(rsa.generate_private_key(65537, 1024), id="too short"),
        pytest.param(rsa.generate_private_key(3, 2048), id="exponent 3"),
    ],
)
def test_weak_and_foreign_keys_are_refused(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
    with pytest.raises(ValueError, match="public"):
        load_public_key(pem(private.public_key()))
