"""Ids: time-ordered and unguessable, so that lists page by key and URLs give nothing away."""

import uuid
from datetime import UTC, datetime

from uuid_utils.compat import uuid7


def new_id() -> uuid.UUID:
    """A UUID version 7 (RFC 9562): 48 bits of milliseconds, then randomness."""
    return uuid7()


def lowest_id_at(moment: datetime) -> uuid.UUID:
    """The bound below every id drawn at `moment` (aware) or later, to the millisecond."""
    milliseconds = min(max(int(moment.timestamp() * 1000), 0), 2**48 - 1)
    return uuid.UUID(int=milliseconds << 80)


def moment_of(own: uuid.UUID) -> datetime:
    """When an id was drawn (UTC), to the millisecond; the last moment there is for one that `new_id` cannot draw."""
    try:
        return datetime.fromtimestamp((own.int >> 80) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.max.replace(tzinfo=UTC)
