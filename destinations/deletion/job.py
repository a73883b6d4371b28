"""What a worker does for regulations between its batches: a little at a time, so that events do not wait."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from django.db import Error as DatabaseError

from destinations.deletion.finish import finish
from destinations.deletion.forwarding import hear_answers, send_notices
from destinations.deletion.sweep import Search, begin
from destinations.deletion.traces import wipe_traces
from privacy.models import Sweep
from privacy.regulation_files import take_in_some
from workspaces.event_log.base import EventLogReader, EventLogUnavailable

logger = logging.getLogger(__name__)

LOOK_EVERY = 2.0  # seconds, for new requests and for answers to notices
STEP_EVERY = 0.1  # seconds between two chunks of a search
TROUBLE_PAUSE = 60.0


class Deletions:
    """One worker's part in deleting end users."""

    def __init__(self) -> None:
        self._due = 0.0
        self._search: Search | None = None
        self._leaves_traces = False

    def run(self, log: EventLogReader, partitions: Sequence[int]) -> None:
        """Do the next piece if it is time."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + LOOK_EVERY
        try:
            if self.step(log, partitions):
                self._due = time.monotonic() + STEP_EVERY
        except (DatabaseError, EventLogUnavailable):
            self._search = None
            raise
        except Exception:  # one request nobody foresaw must not stop deliveries; it stays open and is tried again
            logger.exception("the deletion of end users does not go on")
            self._search, self._due = None, time.monotonic() + TROUBLE_PAUSE

    def step(self, log: EventLogReader, partitions: Sequence[int]) -> bool:
        """One piece of work; whether there may be more."""
        if take_in_some():
            return True
        if self._search is None:
            sweep = Sweep.objects.filter(finished_at=None).order_by("started_at").first() or begin(log)
            self._search = Search(sweep) if sweep is not None else None
        if self._search is not None:
            if self._search.advance(log, partitions):
                return True
            if finish(self._search.sweep) or self._is_over(self._search.sweep):
                self._search, self._leaves_traces = None, True
                return True
        self._leaves_traces = self._leaves_traces and not wipe_traces()
        return bool(send_notices() + hear_answers())

    def _is_over(self, sweep: Sweep) -> bool:
        return not Sweep.objects.filter(pk=sweep.pk, finished_at=None).exists()
