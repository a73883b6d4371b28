"""Destination settings at rest: sealed, since they hold credentials, and bound to their row."""

import uuid
from collections.abc import Mapping
from typing import Any

import orjson

from workspaces.sealing import seal, unseal


def seal_settings(settings: Mapping[str, Any], *, owner_id: uuid.UUID) -> bytes:
    """Settings (JSON values) sealed for the destination or draft with id `owner_id`."""
    return seal(orjson.dumps(dict(settings)), bound_to=_bound_to(owner_id))


def open_settings(sealed: bytes | memoryview, *, owner_id: uuid.UUID) -> dict[str, Any]:
    """The settings again; empty where none were given yet. Raises SealError when they do not open."""
    settings: dict[str, Any] = orjson.loads(unseal(bytes(sealed), bound_to=_bound_to(owner_id))) if sealed else {}
    return settings


def _bound_to(owner_id: uuid.UUID) -> bytes:
    return b"settings" + owner_id.bytes
