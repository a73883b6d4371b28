"""The histogram: no duration falls between two buckets, and percentiles err by a sixteenth at most."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destinations.delivery.latency import LONGEST, bucket_of, longest_in, percentile

durations = st.integers(0, LONGEST)


@given(durations)
def test_a_bucket_is_a_sixteenth_wide_at_most(duration: int) -> None:
    longest = longest_in(bucket_of(duration))
    assert duration <= longest <= duration + duration // 16
    assert bucket_of(longest) == bucket_of(duration)
    if longest < LONGEST:
        assert bucket_of(longest + 1) == bucket_of(duration) + 1


@given(st.lists(durations, min_size=1, max_size=60), st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_a_percentile_is_never_too_short_nor_a_sixteenth_too_long(sample: list[int], share: float) -> None:
    exact = sorted(sample)[max(0, -int(-len(sample) * share // 1) - 1)]
    found = percentile(Counter(map(bucket_of, sample)), share)
    assert found is not None
    assert exact <= found <= exact + exact // 16


@pytest.mark.parametrize(("duration", "bucket"), [(-5, 0), (0, 0), (15.9, 15), (16, 16), (31, 31), (32, 32), (33, 32)])
def test_buckets(duration: float, bucket: int) -> None:
    assert bucket_of(duration) == bucket


def test_of_nothing_there_is_no_percentile() -> None:
    assert percentile({}, 0.95) is None
