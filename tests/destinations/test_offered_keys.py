"""Public keys that customers bring along: what is taken, and what is refused without a word of it being repeated."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import RSAKey

from destinations.encryption.cipher import ValueCipher
from destinations.encryption.keys import capacity, generate_key_pair
from destinations.encryption.offered import NotAPublicKey, PrivateKeyGiven, read_public_key
from tests.destinations.making import traces_of
from tests.destinations.opening import by_textbook

PAIR = generate_key_pair(2048)
PRIVATE = load_pem_private_key(PAIR.private_pem.encode(), None)
JWK = RSAKey.import_key(PAIR.public_pem).as_dict(private=False)
PRIVATE_JWK = RSAKey.import_key(PAIR.private_pem).as_dict(private=True)


def pem(key: PublicKeyTypes, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> str:
    return key.public_bytes(Encoding.PEM, form).decode()


@pytest.mark.parametrize(
    "text",
    [
        PAIR.public_pem,
        f"\n  {PAIR.public_pem}\n",
        PAIR.public_pem.replace("\n", "\r\n"),
        pem(PRIVATE.public_key(), PublicFormat.PKCS1),
        json.dumps(JWK),
        json.dumps({**JWK, "kid": "2026", "use": "enc", "alg": "RSA-OAEP-256"}, indent=2),
    ],
    ids=["spki", "spaced", "crlf", "pkcs1", "jwk", "jwk with more"],
)
def test_every_form_of_a_key_is_the_same_key(text: str) -> None:
    assert read_public_key(text) == (PAIR.public_pem, 2048)


@pytest.mark.parametrize("bits", [2048, 2056, 3072, 5000, 8192])
def test_sizes_that_are_taken_can_be_encrypted_with(bits: int) -> None:
    numbers = {2048: PRIVATE}.get(bits) or rsa.generate_private_key(65537, bits)
    text, found = read_public_key(pem(numbers.public_key()))
    assert found == bits
    private = numbers.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    plain = b"x" * capacity(bits)
    assert by_textbook(private, base64.b64decode(ValueCipher(text).encrypt(plain))) == plain
    assert ValueCipher(text).encrypt(plain + b"x").count(".") == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "This is no public key."),
        ("ssh-rsa AAAAB3NzaC1yc2E", "This is no public key."),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "This is no public key."),
        ("{", "This is no public key."),
        ("[1]", "This is no public key."),
        ('{"kty": "RSA"}', "This is no public key."),
        ('{"kty": "RSA", "n": "!!", "e": "AQAB"}', "This is no public key."),
        ('{"kty": "EC", "crv": "P-256", "x": "a", "y": "b"}', "The key must be an RSA key"),
        (json.dumps({**JWK, "use": "sig"}), "This key is meant for signatures."),
        (json.dumps({"keys": [JWK]}), "This holds several keys."),
        (pem(ec.generate_private_key(ec.SECP256R1()).public_key()), "The public key must be an RSA key."),
        (pem(rsa.generate_private_key(65537, 1024).public_key()), "The public key has 1024 bits"),
        (pem(rsa.generate_private_key(3, 2048).public_key()), "The public exponent must be odd and at least 65537"),
        (json.dumps({**JWK, "e": "AQAA"}), ""),
        pytest.param(PAIR.public_pem * 2, "This holds several keys.", id="two keys"),
        pytest.param(PAIR.public_pem + "A" * 20_000, "This is no public key.", id="too long"),
    ],
)
def test_what_cannot_be_used_is_refused(text: str, said: str) -> None:
    with pytest.raises(NotAPublicKey) as refused:
        read_public_key(text)
    assert str(refused.value).startswith(said)


def test_a_modulus_with_a_small_factor_is_refused() -> None:
    n = 3 * (PRIVATE.public_key().public_numbers().n // 3 | 1)
    with pytest.raises(NotAPublicKey, match="small factor"):
        read_public_key(pem(rsa.RSAPublicNumbers(65537, n).public_key()))


def forms_of_the_private_key() -> list[str]:
    def form(kind: PrivateFormat, sealed: Any = None) -> str:
        return PRIVATE.private_bytes(Encoding.PEM, kind, sealed or NoEncryption()).decode()

    encrypted = form(PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    plain = [form(kind) for kind in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL, PrivateFormat.OpenSSH)]
    jwks = [json.dumps(PRIVATE_JWK), json.dumps({"keys": [PRIVATE_JWK]}), json.dumps({**JWK, "d": PRIVATE_JWK["d"]})]
    return [*plain, encrypted, *jwks, PAIR.public_pem + PAIR.private_pem]


@pytest.mark.parametrize("text", forms_of_the_private_key())
def test_a_private_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(PrivateKeyGiven) as refused:
        read_public_key(text)
    chain = f"{refused.value!r} {refused.value.__context__!r} {refused.value.__cause__!r}"
    assert not [trace for trace in traces_of(PAIR.private_pem) if trace in chain.encode()]


@given(st.text() | st.from_regex(r"\{.*\}", fullmatch=True))
def test_nothing_else_than_a_refusal_comes_of_any_text(text: str) -> None:
    with pytest.raises(NotAPublicKey):
        read_public_key(text)


@given(st.dictionaries(st.sampled_from(["kty", "n", "e", "d", "use", "keys"]), st.text() | st.integers() | st.none()))
def test_nothing_else_than_a_refusal_comes_of_any_jwk(members: dict[str, Any]) -> None:
    with pytest.raises(NotAPublicKey):
        read_public_key(json.dumps({**members, "kty": "RSA"}))
