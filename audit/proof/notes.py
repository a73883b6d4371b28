"""Signing: C2SP signed notes, and checkpoints in the `tlog-checkpoint` format (c2sp.org), under Ed25519 (RFC 8032)."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.proof.verifier import SIGNATURE_START, key_id


def sign_note(text: str, *, name: str, key: Ed25519PrivateKey) -> str:
    """The text with its signature. Raises ValueError for text or a name that could be read another way."""
    if not text.endswith("\n") or "\n\n" in text or any(ord(each) < ord(" ") and each != "\n" for each in text):
        raise ValueError("a note is lines of text, none empty, each with its end")
    if not name or "+" in name or any(each.isspace() for each in name):
        raise ValueError("the name of a key has neither spaces nor a plus")
    public = key.public_key().public_bytes_raw()
    signature = base64.b64encode(key_id(name, public) + key.sign(text.encode())).decode()
    return f"{text}\n{SIGNATURE_START}{name} {signature}\n"


def checkpoint_text(*, origin: str, size: int, root: bytes, time: datetime, previous: str) -> str:
    """The text of a checkpoint: origin, size, root, and as extension lines when it was made and what it follows."""
    lines = [origin, str(size), base64.b64encode(root).decode(), f"time {utc(time)}"]
    return "\n".join([*lines, *([f"previous {previous}"] if previous else [])]) + "\n"


def tombstone_text(
    *,
    origin: str,
    first: int,
    root: bytes,
    ids: Sequence[uuid.UUID],
    written: tuple[datetime, datetime],
    years: int,
    checkpoint: str,
    time: datetime,
    previous: str,
) -> str:
    """The text of a tombstone for rows with these ids; the root is that over all rows before its end."""
    digest = base64.b64encode(hashlib.sha256(b"".join(each.bytes for each in ids)).digest()).decode()
    lines = [
        origin,
        f"tombstone {first} {len(ids)}",
        base64.b64encode(root).decode(),
        f"ids {ids[0]} {ids[-1]} {digest}",
        f"written {utc(written[0])} {utc(written[1])}",
        f"kept {years} years",
        f"checkpoint {checkpoint}",
        f"time {utc(time)}",
    ]
    return "\n".join([*lines, *([f"previous {previous}"] if previous else [])]) + "\n"


def utc(moment: datetime) -> str:
    """A time in UTC to the microsecond, as rows and checkpoints have it."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
