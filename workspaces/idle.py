"""The session rule (45 CFR 164.312(a)(2)(iii)): pure arithmetic on clocks, all in seconds since 1970."""

import enum

MINUTE = 60
HIPAA_IDLE = 15 * MINUTE
HIPAA_LIFETIME = 12 * 60 * MINUTE
NORMAL_LIFETIME = 7 * 24 * 60 * MINUTE
WRITE_EVERY = 30  # moving `seen` costs a database write, so not on each request


class End(enum.Enum):
    """Why a session is over."""

    IDLE = "idle"
    TOO_OLD = "too old"


def session_end(*, now: float, born: float, seen: float, hipaa: bool) -> End | None:
    """Why the session is over, or None while it lives. A clock set back never lengthens a session's life."""
    if hipaa and now - seen >= HIPAA_IDLE:
        return End.IDLE
    if now - born >= (HIPAA_LIFETIME if hipaa else NORMAL_LIFETIME):
        return End.TOO_OLD
    return End.TOO_OLD if seen - now > MINUTE or born - now > MINUTE else None


def should_note(*, now: float, seen: float) -> bool:
    """Whether an action at `now` is far enough from `seen` to be written down."""
    return now - seen >= WRITE_EVERY
