"""Proof that somebody holds a pending pair's private half: they decrypt what only it can, where they keep it."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from django.db import transaction
from django.utils import timezone

from audit.event_types import EventType
from destinations import drafts
from destinations.encryption.cipher import ValueCipher
from destinations.encryption.setup import note
from destinations.models import Draft
from workspaces.models import User

CHALLENGE_BYTES = 32


@transaction.atomic
def draw_challenge(draft: Draft, *, actor: User) -> str:
    """Something new that only the holder of the pending pair can read, encrypted as values are; "" without a pair.

    Only its digest is kept: what is asked for cannot be read from the database.
    """
    locked = drafts.lock(draft, actor)
    key = locked.pending_key
    if key is None:
        return ""
    secret = secrets.token_urlsafe(CHALLENGE_BYTES)
    key.challenge = _digest(secret)
    key.save(update_fields=["challenge"])
    return ValueCipher(key.pem).encrypt(secret.encode())


@transaction.atomic
def prove(draft: Draft, answer: str, *, actor: User) -> bool:
    """Whether `answer` is what the latest challenge held; the first time it is, that is recorded of the key."""
    locked = drafts.lock(draft, actor)
    key = locked.pending_key
    if key is None or not hmac.compare_digest(bytes(key.challenge), _digest(answer)):
        return False
    if key.proved_at is None:
        key.proved_at = timezone.now()
        key.save(update_fields=["proved_at"])
        note(EventType.ENCRYPTION_KEYS_PROVED, locked, key, actor)
    return True


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()
