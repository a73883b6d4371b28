"""How the audit log names an event: by a keyed digest of its messageId.

Senders choose a messageId, so it may hold anything, PHI too, and a log that keeps rows for years must not repeat it.
Who knows an id still finds its rows: the digest is made anew of what they ask for.
"""

from __future__ import annotations

import base64
import hmac
import uuid

from django.conf import settings

PREFIX = "event:"
LONGEST = 100  # characters of a messageId that count (documented)
HEX_DIGITS = 32


def event_id(message_id: str, *, workspace_id: uuid.UUID | str) -> str:
    """`event:` and 32 hex digits: HMAC-SHA-256 of workspace and messageId under the sealing key in use."""
    return event_ids(message_id, workspace_id=workspace_id)[0]


def event_ids(message_id: str, *, workspace_id: uuid.UUID | str) -> list[str]:
    """The same under each key of DATA_SEALING_KEYS, the one in use first: older rows were named under older keys."""
    text = f"{workspace_id}\0{message_id[:LONGEST]}".encode(errors="replace")
    return [PREFIX + hmac.digest(key, text, "sha256").hex()[:HEX_DIGITS] for key in _keys()]


def _keys() -> list[bytes]:
    masters = [base64.b64decode(text, validate=True) for text in settings.DATA_SEALING_KEYS]
    return [hmac.digest(master, b"event ids of the audit log", "sha256") for master in masters]
