"""Dates as events carry them: read whatever clients send, write ISO 8601 in UTC with milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Numbers from here on are milliseconds since 1970; as seconds they would lie beyond the year 5138.
FIRST_MILLISECONDS = 1e11


def from_microseconds(moment: int) -> datetime:
    """The date of a log entry's `received_at`."""
    return EPOCH + timedelta(microseconds=moment)


def read(value: object) -> datetime | None:
    """The date that a string (ISO 8601, UTC where no zone is given) or a number (since 1970) stands for, or None."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            if found.tzinfo is UTC:  # what nearly all clients send
                return found
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return EPOCH + timedelta(seconds=value / 1000 if abs(value) >= FIRST_MILLISECONDS else value)
    except (ValueError, OverflowError):
        pass
    return None


def write(moment: datetime) -> str:
    """Like `2024-01-02T03:04:05.678Z`."""
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


def corrected(original: datetime, sent: datetime | None, received: datetime) -> datetime:
    """The documented correction of a client's clock: receivedAt - (sentAt - originalTimestamp)."""
    if sent is None:
        return original
    try:
        return received - (sent - original)
    except OverflowError:
        return original
