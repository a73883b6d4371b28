"""The cipher: RSAES-OAEP with SHA-256 and MGF1-SHA-256, empty label (RFC 8017 section 7.1).

A value that fits one block becomes standard base64 of the raw ciphertext, which any OAEP tool opens. A longer one
becomes a JWE in compact form (RFC 7516; `RSA-OAEP-256`, `A256GCM`), which any JOSE library opens. Base64 holds no dot
and a JWE four, so a reader tells them apart.
"""

import os
from base64 import b64encode

import orjson
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from destinations.encryption.keys import base64url, capacity, load_public_key, thumbprint

_OAEP = OAEP(mgf=MGF1(SHA256()), algorithm=SHA256(), label=None)
_TAG_BYTES = 16


class EncryptionFailed(Exception):
    """A value could not be encrypted. The text says why and never holds the value."""


class ValueCipher:
    """Encrypts values under one public key, loaded once. Two encryptions of one value differ: OAEP is randomised."""

    def __init__(self, public_pem: str) -> None:
        key = load_public_key(public_pem)
        self.kid = thumbprint(public_pem)
        self._capacity = capacity(key.key_size)
        self._encrypt_block = key.encrypt
        header = {"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": self.kid}
        self._jwe_header = base64url(orjson.dumps(header))

    def encrypt(self, plain: bytes) -> str:
        """The ciphertext of `plain` as text; raises EncryptionFailed where the library refuses."""
        try:
            if len(plain) <= self._capacity:
                return b64encode(self._encrypt_block(plain, _OAEP)).decode()
            return self._encrypt_long(plain)
        except (ValueError, OverflowError) as error:
            raise EncryptionFailed(f"the cipher refused a value of {len(plain)} bytes") from error

    def _encrypt_long(self, plain: bytes) -> str:
        content_key, nonce = os.urandom(32), os.urandom(12)
        wrapped = self._encrypt_block(content_key, _OAEP)
        sealed = AESGCM(content_key).encrypt(nonce, plain, self._jwe_header.encode())
        parts = (wrapped, nonce, sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:])
        return ".".join((self._jwe_header, *map(base64url, parts)))
