"""Ids: time-ordered and unguessable, so that lists page by key and URLs give nothing away."""

import uuid
from datetime import UTC, datetime

from uuid_utils.compat import uuid7

# No row is of before or after; people type them to mean all there is.
FIRST_MOMENT, LAST_MOMENT = datetime(1970, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


def new_id() -> uuid.UUID:
    """A UUID version 7 (RFC 9562): 48 bits of milliseconds, then randomness."""
    return uuid7()


def within_reach(moment: datetime) -> datetime:
    """The moment (aware), or the nearest that leaves room for a margin and another time zone before and after it."""
    return min(max(moment, FIRST_MOMENT), LAST_MOMENT).astimezone(UTC)


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
