"""RSA key pairs for encrypted destinations: made here, named here; only the public half is ever kept."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

KEY_SIZES = (2048, 3072, 4096)  # bits
DEFAULT_KEY_SIZE = 3072
PUBLIC_EXPONENT = 65537
HASH_BYTES = 32  # SHA-256


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A fresh pair. `private_pem` is PKCS#8 and stays out of `repr`; `public_pem` is SubjectPublicKeyInfo."""

    private_pem: str = field(repr=False)
    public_pem: str
    bits: int


def generate_key_pair(bits: int = DEFAULT_KEY_SIZE) -> KeyPair:
    """Make a pair of `bits` (one of KEY_SIZES, else ValueError). Takes from 40 ms (2048) to 1 s (4096)."""
    if bits not in KEY_SIZES:
        raise ValueError(f"The key size must be one of {KEY_SIZES}.")
    private = rsa.generate_private_key(public_exponent=PUBLIC_EXPONENT, key_size=bits)
    return KeyPair(
        private_pem=private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii"),
        public_pem=private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii"),
        bits=bits,
    )


def load_public_key(public_pem: str) -> rsa.RSAPublicKey:
    """The key in a SubjectPublicKeyInfo PEM. ValueError unless it is RSA of a size in KEY_SIZES, exponent 65537."""
    key = load_pem_public_key(public_pem.encode())
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size not in KEY_SIZES:
        raise ValueError(f"The public key must be RSA of {KEY_SIZES} bits.")
    if key.public_numbers().e != PUBLIC_EXPONENT:
        raise ValueError(f"The public exponent must be {PUBLIC_EXPONENT}.")
    return key


def fingerprint(public_pem: str) -> str:
    """SHA-256 of the DER SubjectPublicKeyInfo as upper-case hex pairs joined by colons (95 characters)."""
    der = load_public_key(public_pem).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).digest().hex(":").upper()


def thumbprint(public_pem: str) -> str:
    """The JWK thumbprint with SHA-256, base64url without padding (RFC 7638 section 3, 43 characters)."""
    numbers = load_public_key(public_pem).public_numbers()
    # The required members in lexicographic order, no white space: RFC 7638 section 3.3.
    jwk = {"e": _base64url_uint(numbers.e), "kty": "RSA", "n": _base64url_uint(numbers.n)}
    return base64url(hashlib.sha256(json.dumps(jwk, separators=(",", ":")).encode()).digest())


def capacity(bits: int) -> int:
    """How many bytes one RSAES-OAEP block with SHA-256 holds: k - 2 hLen - 2 (RFC 8017 section 7.1.1)."""
    if bits not in KEY_SIZES:
        raise ValueError(f"The key size must be one of {KEY_SIZES}.")
    return bits // 8 - 2 * HASH_BYTES - 2


def base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _base64url_uint(number: int) -> str:
    """A positive integer as its shortest big-endian bytes (RFC 7518 section 2)."""
    return base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))
