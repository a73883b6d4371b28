"""RSA key pairs for encrypted destinations: made here, named here; only the public half is ever kept."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

KEY_SIZES = (2048, 3072, 4096)  # bits, of the pairs that are made here
SMALLEST_KEY, LARGEST_KEY = 2048, 8192  # bits, of the keys that customers bring along
DEFAULT_KEY_SIZE = 3072
PUBLIC_EXPONENT = 65537
LARGEST_EXPONENT = 2**64 - 1  # OpenSSL takes no longer one with a modulus above 3072 bits
HASH_BYTES = 32  # SHA-256
_SMALL_PRIMES = math.prod(p for p in range(3, 2000, 2) if all(p % n for n in range(3, math.isqrt(p) + 1, 2)))


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
    """The RSA key in a PEM (SubjectPublicKeyInfo or PKCS#1); ValueError unless `check_public_key` takes it."""
    key = load_pem_public_key(public_pem.encode())
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("The public key must be an RSA key.")  # noqa: TRY004  (the text is wrong, not its type)
    check_public_key(key)
    return key


def check_public_key(key: rsa.RSAPublicKey) -> None:
    """ValueError unless the key has 2048 to 8192 bits, an odd exponent of at least 65537 and a modulus of large primes.

    NIST SP 800-56B revision 2, sections 6.2 and 6.4.2, as far as a public half alone can be checked.
    """
    numbers = key.public_numbers()
    if not SMALLEST_KEY <= key.key_size <= LARGEST_KEY:
        raise ValueError(f"The public key has {key.key_size} bits; it must have {SMALLEST_KEY} to {LARGEST_KEY}.")
    if not numbers.e % 2 or not PUBLIC_EXPONENT <= numbers.e <= LARGEST_EXPONENT:
        raise ValueError(f"The public exponent must be odd and at least {PUBLIC_EXPONENT} (and below 2 to the 64).")
    if not numbers.n % 2 or math.gcd(numbers.n, _SMALL_PRIMES) != 1:
        raise ValueError("The public key is damaged or unsafe: its modulus has a small factor.")


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
    if not SMALLEST_KEY <= bits <= LARGEST_KEY:
        raise ValueError(f"The key size must be {SMALLEST_KEY} to {LARGEST_KEY} bits.")
    return (bits + 7) // 8 - 2 * HASH_BYTES - 2


def base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _base64url_uint(number: int) -> str:
    """A positive integer as its shortest big-endian bytes (RFC 7518 section 2)."""
    return base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))
