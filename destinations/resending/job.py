"""What a worker does for resending between its batches: a little at a time, so that new events do not wait."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from django.db import Error as DatabaseError

from destinations.pipeline.plan import Plans
from destinations.resending.preparing import prepare_queued
from destinations.resending.replaying import advance
from workspaces.event_log.base import EventLogReader, EventLogUnavailable

logger = logging.getLogger(__name__)

LOOK_EVERY = 1.0  # seconds, for what was asked for
STEP_EVERY = 0.1  # seconds between two pieces of work
TROUBLE_PAUSE = 60.0


class Resending:
    """One worker's part in sending events again."""

    def __init__(self) -> None:
        self._due = 0.0

    def run(self, log: EventLogReader, partitions: Sequence[int], plans: Plans) -> None:
        """Do the next piece if it is time."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + LOOK_EVERY
        try:
            if bool(prepare_queued(log, plans)) | advance(log, partitions, plans):
                self._due = time.monotonic() + STEP_EVERY
        except (DatabaseError, EventLogUnavailable):
            raise
        except Exception:  # one event nobody foresaw must not stop deliveries; it stays asked for and is tried again
            logger.exception("sending again does not go on")
            self._due = time.monotonic() + TROUBLE_PAUSE
