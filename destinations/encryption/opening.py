"""The key holder's side: opens what `cipher` wrote, with keys that stay with whoever runs it. Pure."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from destinations.encryption.cipher import NONCE_BYTES, RSA_OAEP_SHA256, TAG_BYTES

JWE_DOTS = 4


class NotAKey(ValueError):
    """A file holds no private key that can be used; the message says what to do and never repeats the file."""


class Opener:
    """Opens values and payloads with any of several private keys; counts what looks encrypted and does not open."""

    def __init__(self, pems: Sequence[bytes]) -> None:
        """PEM files as bytes, the newest key first for speed. Raises NotAKey."""
        self._keys = [_private_key(pem) for pem in pems]
        self._sizes = {key.key_size // 8 for key in self._keys}
        self.opened = self.failed = 0

    def value(self, text: str) -> str | None:
        """The plain text of one encrypted value; None where no key opens it."""
        plain = self._jwe(text) if text.count(".") == JWE_DOTS else self._block(text)
        if plain is None:
            self.failed += 1
            return None
        self.opened += 1
        return plain.decode(errors="replace")

    def payload(self, value: Any) -> Any:
        """JSON with every encrypted string in it opened; what only looks like one stays as it is and is counted."""
        if isinstance(value, str):
            return self._opened_if_encrypted(value)
        if isinstance(value, dict):
            return {key: self.payload(held) for key, held in value.items()}
        return [self.payload(item) for item in value] if isinstance(value, list) else value

    def _opened_if_encrypted(self, text: str) -> str:
        if not self._looks_encrypted(text):
            return text
        plain = self.value(text)
        return text if plain is None else plain

    def _looks_encrypted(self, text: str) -> bool:
        if text.count(".") == JWE_DOTS:
            return _header(text.partition(".")[0]).get("alg") == "RSA-OAEP-256"
        return len(text) % 4 == 0 and len(text) * 3 // 4 - text[-2:].count("=") in self._sizes and _is_base64(text)

    def _block(self, text: str) -> bytes | None:
        try:
            return self._oaep(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            return None

    def _oaep(self, block: bytes) -> bytes | None:
        for key in self._keys:
            if len(block) == key.key_size // 8:
                try:
                    return key.decrypt(block, RSA_OAEP_SHA256)
                except ValueError:
                    continue
        return None

    def _jwe(self, token: str) -> bytes | None:
        header, *parts = token.split(".")
        try:
            wrapped, nonce, sealed, tag = map(_from_base64url, parts)
            content_key = self._oaep(wrapped)
            if content_key is None or len(nonce) != NONCE_BYTES or len(tag) != TAG_BYTES:
                return None
            return AESGCM(content_key).decrypt(nonce, sealed + tag, header.encode("ascii"))
        except (binascii.Error, ValueError, InvalidTag):
            return None


def _private_key(pem: bytes) -> rsa.RSAPrivateKey:
    try:
        key = load_pem_private_key(pem, None)
    except TypeError:
        raise NotAKey("is locked by a passphrase: unlock it first with `openssl pkey -in KEY -out OPEN`") from None
    except ValueError:
        raise NotAKey("holds no private key in PEM") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise NotAKey("holds a key that is not RSA")
    return key


def _header(part: str) -> dict[str, Any]:
    try:
        found = json.loads(_from_base64url(part))
    except (binascii.Error, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False


def _from_base64url(part: str) -> bytes:
    return base64.b64decode(part.encode("ascii") + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
