"""What is thrown away, and when: log entries, message ids, bodies, records of what has ended, left drafts, sessions."""

from __future__ import annotations

import time
from collections.abc import Sequence

from destinations import drafts
from destinations.deletion.traces import wipe_traces
from destinations.encryption.setup import drop_left_pairs
from destinations.pipeline import name_upkeep, retention
from destinations.pipeline.forgetting import OldRecords
from destinations.resending.lapsing import end_overdue
from privacy import recommendations
from privacy.regulations import forget_old_ids
from privacy.suppression import forget_releases
from workspaces.baa_warnings import warn_owners
from workspaces.event_log import duplicates
from workspaces.event_log.base import EventLogReader
from workspaces.sign_in import end_overdue_sessions

FIRST_SECONDS = 20.0  # after a start, when partitions are leased
EVERY_SECONDS = 300.0
RECOMMEND_SECONDS = 2.0
WARN_SECONDS = 3600.0  # a mail server that does not answer holds up the worker for some seconds


class Housekeeping:
    """Runs soon after a worker's start and then every few minutes."""

    def __init__(self) -> None:
        # Soon, so that workers which are often started anew clean up as well.
        self._due = time.monotonic() + FIRST_SECONDS
        self._recommend_at = 0.0
        self._warn_at = time.monotonic() + EVERY_SECONDS
        self._records = OldRecords()

    def run(self, log: EventLogReader, partitions: Sequence[int]) -> None:
        """Clean up if it is time, go on asking changed matchers about fields seen before, warn of BAAs that expire."""
        if time.monotonic() >= self._recommend_at:
            some = recommendations.refresh_some()
            self._recommend_at = time.monotonic() + (0.0 if some else RECOMMEND_SECONDS)
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + EVERY_SECONDS
            clean_up(log, partitions)
            self._records.begin()
        self._records.remove_some()
        if time.monotonic() >= self._warn_at:
            self._warn_at = time.monotonic() + WARN_SECONDS
            warn_owners()


def clean_up(log: EventLogReader, partitions: Sequence[int]) -> dict[str, int]:
    """Throw away what is past its time in the partitions this process has leased; how much of each went."""
    removed = retention.apply(log, partitions)
    gone = {
        "log entries": removed["entries"],
        "names and samples": name_upkeep.tidy(),
        "message ids": duplicates.forget_older_than(),
        "bodies": removed["bodies"],
        "samples": removed["samples"],
        "field counts": removed["counts"],
        "fields": removed["fields"],
        "ids of old requests": forget_old_ids(),
        "old releases": forget_releases(),
        "unused keys": drop_left_pairs(),
        "drafts": drafts.forget_old(),
        "sessions": end_overdue_sessions(),
        "requests to send again": end_overdue(),
    }
    wipe_traces()
    return gone
