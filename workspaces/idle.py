"""The session rule (45 CFR 164.312(a)(2)(iii)): pure arithmetic on clocks, all in seconds since 1970."""

import enum
import math
from dataclasses import dataclass

MINUTE = 60
HIPAA_IDLE = 15 * MINUTE
HIPAA_LIFETIME = 12 * 60 * MINUTE
NORMAL_LIFETIME = 7 * 24 * 60 * MINUTE
WARNING = 2 * MINUTE  # how long before the end people are warned
WRITE_EVERY = 1  # moving `seen` costs a database write; a page and its fragments come within one second


class End(enum.Enum):
    """Why a session is over."""

    IDLE = "idle"
    TOO_OLD = "too old"


@dataclass(frozen=True, slots=True)
class Left:
    """How many whole seconds a session has left, rounded up: until it is idle too long, and until it is too old."""

    idle: int | None  # None where only the age counts
    total: int


def session_end(*, now: float, born: float | None, seen: float | None, hipaa: bool) -> End | None:
    """Why the session is over, or None while it lives.

    A clock set back never lengthens a session's life, and one that does not know its age has none left.
    """
    if born is None or seen is None or seen - now > MINUTE or born - now > MINUTE:
        return End.TOO_OLD
    if hipaa and now - seen >= HIPAA_IDLE:
        return End.IDLE
    return End.TOO_OLD if now - born >= _lifetime(hipaa=hipaa) else None


def session_left(*, now: float, born: float, seen: float, hipaa: bool) -> Left:
    """How long a session that lives goes on without an action, and at most."""
    idle = max(0, math.ceil(seen + HIPAA_IDLE - now)) if hipaa else None
    return Left(idle, max(0, math.ceil(born + _lifetime(hipaa=hipaa) - now)))


def _lifetime(*, hipaa: bool) -> int:
    return HIPAA_LIFETIME if hipaa else NORMAL_LIFETIME


def should_note(*, now: float, seen: float) -> bool:
    """Whether an action at `now` is far enough from `seen` to be written down."""
    return now - seen >= WRITE_EVERY
