"""Ids: time-ordered and unguessable, so that lists page by key and URLs give nothing away."""

import uuid

from uuid_utils.compat import uuid7


def new_id() -> uuid.UUID:
    """A UUID version 7 (RFC 9562): 48 bits of milliseconds, then randomness."""
    return uuid7()
