"""A histogram of durations: which bucket one belongs to, and percentiles of what was counted. Pure.

Sixteen buckets for each power of two of milliseconds: a bucket is at most 1/16 of its value wide, so a percentile is
never more than 6.25 % too long and never too short.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

STEP_BITS = 4
STEPS = 1 << STEP_BITS
LONGEST = (1 << 40) - 1  # milliseconds; far beyond any retention


def bucket_of(milliseconds: float) -> int:
    """The bucket of a duration; what is below zero, as clocks are set back, counts as none."""
    value = min(max(0, int(milliseconds)), LONGEST)
    if value < STEPS:
        return value
    power = value.bit_length() - 1 - STEP_BITS
    return (power << STEP_BITS) + (value >> power)


def longest_in(bucket: int) -> int:
    """The longest duration that belongs to the bucket, in whole milliseconds."""
    if bucket < STEPS:
        return bucket
    power = (bucket >> STEP_BITS) - 1
    return (((bucket & (STEPS - 1)) + STEPS + 1) << power) - 1


def percentile(counts: Mapping[int, int], share: float) -> int | None:
    """The duration in ms that `share` (0 to 1) of what was counted did not exceed; None where nothing was."""
    total = sum(counts.values())
    if not total:
        return None
    wanted, seen = math.ceil(total * share), 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= wanted:
            return longest_in(bucket)
    raise AssertionError("a share is at most 1")
