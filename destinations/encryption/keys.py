"""Key pairs for field encryption: RSA with public exponent 65537, pure functions on PEM text."""

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

PUBLIC_EXPONENT = 65537
KEY_SIZES = (2048, 3072, 4096)
DEFAULT_BITS = 3072
_OAEP_OVERHEAD = 2 * hashlib.sha256().digest_size + 2  # RFC 8017 section 7.1.1


class UnusableKey(ValueError):
    """The text is no RSA public key that values may be encrypted under."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A new pair: PKCS#8 and SubjectPublicKeyInfo, both PEM. The private half never shows in a repr."""

    private_pem: str = field(repr=False)
    public_pem: str
    bits: int


def generate_key_pair(bits: int = DEFAULT_BITS) -> KeyPair:
    """Draw a pair of `bits` (2048, 3072 or 4096); takes up to about a second for the largest."""
    if bits not in KEY_SIZES:
        raise ValueError(f"key size must be one of {KEY_SIZES}")
    private = generate_private_key(PUBLIC_EXPONENT, bits)
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return KeyPair(secret.decode(), public.decode(), bits)


def load_public_key(public_pem: str) -> RSAPublicKey:
    """The key of a PEM text; raises UnusableKey for anything but RSA of 2048 bits or more."""
    try:
        key = load_pem_public_key(public_pem.encode())
    except ValueError:
        raise UnusableKey("not a PEM public key") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < min(KEY_SIZES):
        raise UnusableKey("an RSA key of at least 2048 bits is needed")
    return key


def fingerprint(public_pem: str) -> str:
    """SHA-256 of the DER SubjectPublicKeyInfo, as 32 upper-case hex pairs joined by colons."""
    der = load_public_key(public_pem).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).digest().hex(":").upper()


def thumbprint(public_pem: str) -> str:
    """The key's RFC 7638 thumbprint: SHA-256 of its required JWK members, base64url. It is the `kid` of our JWEs."""
    numbers = load_public_key(public_pem).public_numbers()
    jwk = f'{{"e":"{_number(numbers.e)}","kty":"RSA","n":"{_number(numbers.n)}"}}'
    return base64url(hashlib.sha256(jwk.encode()).digest())


def capacity(bits: int) -> int:
    """How many bytes one OAEP-SHA256 block under a key of `bits` holds: 190, 318 or 446."""
    return bits // 8 - _OAEP_OVERHEAD


def base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515 section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int) -> str:
    return base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))
