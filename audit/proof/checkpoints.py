"""Checkpoints: how far a workspace's log reached at a time, signed with a key that is not in the database."""

from __future__ import annotations

import base64
import binascii
import functools
import uuid
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.utils import timezone

from audit.models import AuditCheckpoint, AuditLeaf
from audit.proof.merkle import range_root
from audit.proof.notes import checkpoint_text, sign_note
from audit.proof.tree import Tree, alone
from audit.proof.verifier import Untrue, public_key_line, read_checkpoint

EVERY = timedelta(hours=1)
KEY_BYTES = 32


class KeyUnusable(ValueError):
    """AUDIT_SIGNING_KEY or AUDIT_OLD_PUBLIC_KEYS is not what it should be; the message says what that is."""


def signing_key() -> Ed25519PrivateKey:
    """The key that signs. Raises KeyUnusable where the setting holds none."""
    return _key(settings.AUDIT_SIGNING_KEY)


@functools.lru_cache(maxsize=4)
def _key(text: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(_decoded(text, "AUDIT_SIGNING_KEY"))


def public_keys() -> list[bytes]:
    """The public half of the key that signs, then those of the keys before it."""
    old = [_decoded(text, "AUDIT_OLD_PUBLIC_KEYS") for text in settings.AUDIT_OLD_PUBLIC_KEYS]
    return [signing_key().public_key().public_bytes_raw(), *old]


def _decoded(text: str, setting: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        decoded = b""
    if len(decoded) != KEY_BYTES:
        raise KeyUnusable(f"{setting} must be base64 of {KEY_BYTES} bytes")
    return decoded


def origin(workspace_id: str) -> str:
    """The name of a workspace's log, which is that of its key too; rows of no workspace are in the log of the site.

    A log keeps the name its first checkpoint gave it: the site may move to another host, what was signed stays.
    """
    first = AuditCheckpoint.objects.filter(workspace_id=workspace_id).order_by("id").values_list("note").first()
    return _origin_of(first[0]) if first else f"{settings.SITE_HOST}{_path(workspace_id)}"


def _path(workspace_id: str) -> str:
    return f"/audit/{workspace_id or 'site'}"


def _origin_of(note: str) -> str:
    return note.partition("\n")[0]


def published_keys(workspace_id: str) -> list[str]:
    """The public keys of a workspace's log as lines to hand out, the one in use first."""
    name = origin(workspace_id)
    return [public_key_line(name, public) for public in public_keys()]


def keys_ever(workspace_id: str) -> list[str]:
    """The same under every name the log ever had: it had several where the site moved before names were kept."""
    names = [origin(workspace_id)]
    notes = AuditCheckpoint.objects.filter(workspace_id=workspace_id, note__contains=f"{_path(workspace_id)}\n")
    while stray := notes.exclude(note__startswith=f"{names[-1]}\n").order_by("id").first():
        notes = notes.exclude(note__startswith=f"{names[-1]}\n")
        names.append(_origin_of(stray.note))
    own = [name for name in names if name.endswith(_path(workspace_id))]
    return [public_key_line(name, public) for name in own for public in public_keys()]


def latest(workspace_id: str) -> AuditCheckpoint | None:
    """The newest checkpoint."""
    return AuditCheckpoint.objects.filter(workspace_id=workspace_id).order_by("-id").first()


def make_checkpoint(workspace_id: str) -> AuditCheckpoint:
    """Sign how far the log has been sealed, chained to the checkpoint before."""
    with alone():
        before, name = latest(workspace_id), origin(workspace_id)
        tree = Tree(workspace_id)
        size = tree.size()
        made_at = timezone.now()
        text = checkpoint_text(
            origin=name,
            size=size,
            root=range_root(tree.node, 0, size),
            time=made_at,
            previous=read_checkpoint(text_of(before.note)).text_hash() if before else "",
        )
        note = sign_note(text, name=name, key=signing_key())
        return AuditCheckpoint.objects.create(workspace_id=workspace_id, size=size, made_at=made_at, note=note)


def text_of(note: str) -> str:
    """A note without its signatures, which nobody checks here."""
    text, gap, _ = note.rpartition("\n\n")
    if not gap:
        raise Untrue("not a signed note")
    return f"{text}\n"


def make_if_due(workspace_id: str) -> bool:
    """Make a checkpoint where rows were sealed since the last, an hour ago; whether nothing is left to sign."""
    before = latest(workspace_id)
    if before and before.size == Tree(workspace_id).size():
        return True
    if before and timezone.now() - before.made_at < EVERY:
        return False
    make_checkpoint(workspace_id)
    return True


def sealed_workspaces() -> list[str]:
    """Every workspace with a sealed row; the empty id stands for rows of no workspace."""
    return list(AuditLeaf.objects.order_by("workspace_id").values_list("workspace_id", flat=True).distinct())


def file_name(checkpoint: AuditCheckpoint) -> str:
    """Where a checkpoint's copy lies below AUDIT_CHECKPOINT_DIR."""
    return f"{checkpoint.workspace_id or 'site'}/{checkpoint.pk:012}.note"


def copy_checkpoints(folder: Path, *, after: int = 0) -> int:
    """Copy checkpoints with ids above `after` to a folder out of the database's reach; the last id that is there.

    A copy that exists is never written again: it is what the database is compared with. A copy appears whole.
    """
    for checkpoint in AuditCheckpoint.objects.filter(id__gt=after).order_by("id").iterator():
        write_once(folder / file_name(checkpoint), checkpoint.note)
        after = checkpoint.pk
    return after


def write_once(path: Path, note: str) -> None:
    """Write a note to a file that appears whole; one that exists is left as it is."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_suffix(f".{uuid.uuid4().hex}")
        draft.write_text(note)
        draft.rename(path)
