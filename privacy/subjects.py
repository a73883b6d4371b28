"""End users as the product's tables know them: by a keyed digest of their `userId`, one key for each workspace."""

from __future__ import annotations

import hashlib
import os
import uuid
from functools import partial

from django.db import transaction

from privacy.models import SubjectKey
from workspaces.sealing import seal, unseal

DIGEST_BYTES = 16


def subject_digest(workspace_id: uuid.UUID, user_id: str) -> bytes:
    """BLAKE2b of the id under the workspace's own key, 16 bytes. The first call of a workspace makes its key."""
    return hashlib.blake2b(
        user_id.encode(errors="surrogatepass"), key=_key_of(workspace_id), digest_size=DIGEST_BYTES
    ).digest()


_kept: dict[uuid.UUID, bytes] = {}


def _key_of(workspace_id: uuid.UUID) -> bytes:
    """The workspace's key. Remembered once it is committed: a rollback takes a new one away again."""
    if workspace_id in _kept:
        return _kept[workspace_id]
    row = SubjectKey.objects.filter(workspace_id=workspace_id).first()
    if row is None:
        drawn = seal(os.urandom(32), bound_to=_bound_to(workspace_id))
        row, _ = SubjectKey.objects.get_or_create(workspace_id=workspace_id, defaults={"sealed": drawn})
    key = unseal(bytes(row.sealed), bound_to=_bound_to(workspace_id))
    transaction.on_commit(partial(_kept.__setitem__, workspace_id, key))
    return key


def _bound_to(workspace_id: uuid.UUID) -> bytes:
    return b"subject key" + workspace_id.bytes
