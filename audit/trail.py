"""The Audit Trail: what was changed, without who looked at what; the documented list of the last 90 days."""

from __future__ import annotations

from datetime import datetime, timedelta

from audit.event_types import EventType

DAYS = 90
_READS = ("Viewed", "Exported")
# Who came and went is no change; confirming who one is and holding a key are none either.
_COMINGS = {
    EventType.SIGNED_IN,
    EventType.SIGNED_OUT,
    EventType.SIGN_IN_FAILED,
    EventType.SESSION_TIMED_OUT,
    EventType.REAUTHENTICATED,
    EventType.ENCRYPTION_KEYS_PROVED,
    EventType.ACCESS_DENIED,
}
CHANGES: tuple[EventType, ...] = tuple(
    event for event in EventType if not event.value.endswith(_READS) and event not in _COMINGS
)


def starts_at(now: datetime) -> datetime:
    """The first moment of the trail, to the day: its address stays the same until midnight."""
    return (now - timedelta(days=DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)
