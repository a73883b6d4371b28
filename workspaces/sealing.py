"""Sealing at rest: AES-256-GCM under keys from the environment, bound to the row that holds the ciphertext.

Layout of a sealed value, in bytes: version (1), key id (4), salt (16), nonce (12), ciphertext with its tag (16). The
AES key is HMAC-SHA-256(master key, salt): each process draws one salt and counts its nonces, so a pair of key and nonce
never repeats, however many events pass (random nonces under one key would be unsafe past 2^32, NIST SP 800-38D 8.3).
"""

import base64
import functools
import hashlib
import hmac
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

VERSION = b"\x01"
KEY_BYTES = 32
HEADER_BYTES = 1 + 4 + 16 + 12


class SealError(Exception):
    """A sealed value does not open: damaged, moved to another row, or its key is no longer in DATA_SEALING_KEYS."""


@dataclass(frozen=True, slots=True)
class _Sealer:
    prefix: bytes
    cipher: AESGCM
    nonces: Iterator[int]


def seal(plain: bytes, *, bound_to: bytes) -> bytes:
    """Seal `plain` for the row that `bound_to` identifies; only the same `bound_to` opens it again."""
    sealer = _sealer()
    nonce = next(sealer.nonces).to_bytes(12, "big")
    return sealer.prefix + nonce + sealer.cipher.encrypt(nonce, plain, bound_to)


def unseal(sealed: bytes, *, bound_to: bytes) -> bytes:
    """What was sealed; raises SealError when it does not open."""
    if sealed[:1] != VERSION or len(sealed) < HEADER_BYTES:
        raise SealError("not a sealed value")
    key_id, salt, nonce = sealed[1:5], sealed[5:21], sealed[21:33]
    try:
        return _opener(key_id, salt).decrypt(nonce, sealed[33:], bound_to)
    except InvalidTag:
        raise SealError("the sealed value is damaged or belongs to another row") from None


def check_keys() -> None:
    """Raise SealError or ValueError where DATA_SEALING_KEYS cannot be used."""
    _masters()


@functools.cache
def _masters() -> dict[bytes, bytes]:
    """Key id to master key, the current one first. Older keys stay listed until nothing sealed under them is left."""
    keys = [base64.b64decode(text, validate=True) for text in settings.DATA_SEALING_KEYS]
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise SealError("DATA_SEALING_KEYS must list base64 keys of 32 bytes each")
    return {hashlib.sha256(b"key id" + key).digest()[:4]: key for key in keys}


@functools.cache
def _sealer() -> _Sealer:
    key_id, master = next(iter(_masters().items()))
    salt = os.urandom(16)
    return _Sealer(VERSION + key_id + salt, _derived(master, salt), itertools.count())


@functools.lru_cache(maxsize=4096)
def _opener(key_id: bytes, salt: bytes) -> AESGCM:
    master = _masters().get(key_id)
    if master is None:
        raise SealError("the key of this sealed value is not in DATA_SEALING_KEYS")
    return _derived(master, salt)


def _derived(master: bytes, salt: bytes) -> AESGCM:
    return AESGCM(hmac.digest(master, salt, "sha256"))


# A forked child would go on counting the parent's nonces.
os.register_at_fork(after_in_child=_sealer.cache_clear)
