"""Public keys that come from outside: the customer's own, or one whose pair was made in the browser. Pure.

A private key handed over by mistake is refused. What was handed over is in no error: it may be that very key.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from destinations.encryption.keys import check_public_key, load_public_key

LONGEST = 20_000  # characters; the longest key that is taken has 1,500 as PEM
# RFC 7518 section 6.3.2: what an RSA private key has and a public one has not; `k` is a symmetric key's.
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

NOT_A_KEY = (
    "This is no public key. Paste a PEM that begins with -----BEGIN PUBLIC KEY-----, or a JSON Web Key with the "
    "members kty, n and e."
)
SEVERAL_KEYS = "This holds several keys. Paste the one key that is to be used."
PRIVATE_KEY_GIVEN = (
    "This is a private key. It was not stored, but it has left your hands: make a new pair and paste its public key "
    "only."
)


class NotAPublicKey(ValueError):
    """What was handed over cannot be encrypted with; the message says why and what to do."""


class PrivateKeyGiven(NotAPublicKey):
    """A private key was handed over."""

    def __init__(self) -> None:
        super().__init__(PRIVATE_KEY_GIVEN)


def read_public_key(text: str) -> tuple[str, int]:
    """The RSA public key in a PEM or a JWK, as SubjectPublicKeyInfo PEM, and its bits; raises NotAPublicKey."""
    text = text.strip()
    if "PRIVATE KEY" in text.upper():
        raise PrivateKeyGiven
    if not text or len(text) > LONGEST:
        raise NotAPublicKey(NOT_A_KEY)
    key = _of_jwk(text) if text.startswith("{") else _of_pem(text)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii"), key.key_size


def _of_pem(text: str) -> rsa.RSAPublicKey:
    if "PUBLIC KEY-----" not in text:
        raise NotAPublicKey(NOT_A_KEY)
    if text.count("-----BEGIN") > 1:
        raise NotAPublicKey(SEVERAL_KEYS)
    try:
        return load_public_key(text)
    except (ValueError, UnsupportedAlgorithm) as error:
        reason = _reason(error)
    # Raised outside the handler: the library's error may quote what was handed over.
    raise NotAPublicKey(reason)


def _of_jwk(text: str) -> rsa.RSAPublicKey:
    given = _members(text)
    if PRIVATE_MEMBERS & given.keys():
        raise PrivateKeyGiven
    if given.get("kty") != "RSA":
        raise NotAPublicKey("The key must be an RSA key: a JSON Web Key with kty RSA, n and e.")
    if given.get("use", "enc") != "enc":
        raise NotAPublicKey("This key is meant for signatures. Use one that is meant for encryption.")
    modulus, exponent = _number(given.get("n")), _number(given.get("e"))
    try:
        key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
        check_public_key(key)
    except ValueError as error:
        reason = _reason(error)
    else:
        return key
    raise NotAPublicKey(reason)


def _members(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise NotAPublicKey(NOT_A_KEY)
    if isinstance(given.get("keys"), list):
        if any(isinstance(key, dict) and PRIVATE_MEMBERS & key.keys() for key in given["keys"]):
            raise PrivateKeyGiven
        raise NotAPublicKey(SEVERAL_KEYS)
    return given


def _number(value: object) -> int:
    """A Base64urlUInt (RFC 7518 section 2)."""
    if isinstance(value, str) and value.isascii():
        bare = value.rstrip("=")
        with contextlib.suppress(binascii.Error):
            return int.from_bytes(base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True), "big")
    raise NotAPublicKey(NOT_A_KEY)


def _reason(error: Exception) -> str:
    """Our own words for what is wrong with a key that could be read; the library's are replaced."""
    said = str(error)
    return said if said.startswith("The public ") else NOT_A_KEY
