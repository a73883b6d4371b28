"""A row as the one line of text that is hashed, stored in evidence packs and shown to whoever checks it.

JSON with sorted keys, no spaces, and ASCII alone: any other character is escaped, so that no reader and no editor
changes a byte. Times are UTC to the microsecond. The fields below are always there; a field the model gained since is
there where it is not empty, so that lines of older rows stay what they were. A field is never renamed or removed.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from audit.proof.notes import utc

ALWAYS = frozenset(
    (
        "id",
        "workspace_id",
        "actor_user_id",
        "actor_label",
        "actor_kind",
        "on_behalf_of",
        "on_behalf_of_label",
        "event_type",
        "end_user_id",
        "timestamp",
        "object_type",
        "object_id",
        "object_label",
        "details",
        "outcome",
        "request_id",
        "route",
        "address",
        "user_agent",
    )
)

EMPTY: tuple[object, ...] = (None, "", {}, [])


def line(row: Mapping[str, Any]) -> bytes:
    """The line of a row given by its fields and values as the database returns them."""
    told = {name: value for name, value in row.items() if name in ALWAYS or value not in EMPTY}
    return json.dumps(told, sort_keys=True, separators=(",", ":"), default=_plain).encode("ascii")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return utc(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in an audit row")
