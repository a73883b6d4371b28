"""When a workspace may carry PHI: its plan and its signed Business Associate Addendum (45 CFR 164.504(e)). Pure.

Two questions that are easily mixed up. *Eligible* is what opens doors: the badge, and setting up encryption. *Bound*
is what keeps them shut: once a BAA was signed, the strict session rule and second factors hold until support staff take
the BAA away; that it expires or that the plan changes unlocks nothing.
"""

from __future__ import annotations

import enum
from datetime import date, timedelta

WARN_AHEAD = timedelta(days=30)
TERMS = ("baa_signed_on", "baa_signed_by", "baa_reference", "baa_expires_on")


class Standing(enum.Enum):
    """Why a workspace is or is not HIPAA eligible, in words for its owners."""

    ELIGIBLE = "This workspace is HIPAA Eligible"
    PLAN = "HIPAA eligibility needs the Business tier."
    UNSIGNED = "HIPAA eligibility needs a signed BAA."
    NOT_YET = "The BAA is not in force yet."
    EXPIRED = "The BAA has expired."


def standing(*, is_business: bool, signed_on: date | None, expires_on: date | None, today: date) -> Standing:
    """How the workspace stands. A BAA is in force from the day it was signed to the day it expires, both included."""
    if signed_on is None:
        return Standing.UNSIGNED
    if signed_on > today:
        return Standing.NOT_YET
    if expires_on is not None and expires_on < today:
        return Standing.EXPIRED
    return Standing.ELIGIBLE if is_business else Standing.PLAN


def is_bound(*, signed_on: date | None, today: date) -> bool:
    """Whether the strict rules hold for everyone with access."""
    return signed_on is not None and signed_on <= today


def days_left(expires_on: date | None, today: date) -> int | None:
    """Days until the BAA expires, once it is time to warn; None before that, and where it does not expire."""
    if expires_on is None or expires_on - today > WARN_AHEAD:
        return None
    return (expires_on - today).days


def problems(
    *, baa_signed_on: date | None, baa_signed_by: str, baa_reference: str, baa_expires_on: date | None
) -> dict[str, str]:
    """What is wrong with the terms of a BAA (TERMS), by name; empty where they can be filed."""
    if baa_signed_on is None:
        others = baa_signed_by or baa_reference or baa_expires_on
        return {"baa_signed_on": "Say when the BAA was signed, or empty its other fields."} if others else {}
    found = {}
    if not baa_signed_by:
        found["baa_signed_by"] = "Say who signed for the customer."
    if not baa_reference:
        found["baa_reference"] = "Say where the signed document is filed."
    if baa_expires_on is not None and baa_expires_on < baa_signed_on:
        found["baa_expires_on"] = "This is before the day it was signed."
    return found
