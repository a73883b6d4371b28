"""Which write key signs a request, in any of the documented ways."""

from __future__ import annotations

import base64
import functools


@functools.lru_cache(maxsize=1024)
def basic_user(header: str) -> str:
    """The user of an `Authorization: Basic` header (with or without the colon); "" for any other or a broken one.

    OAuth's `Bearer` says nothing of the source: the key is in the body then.
    """
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        decoded = base64.b64decode(value.strip() + "==", validate=False).decode()
    except ValueError:
        return ""
    return decoded.partition(":")[0].strip()
