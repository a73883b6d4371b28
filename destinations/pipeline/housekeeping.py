"""What is thrown away, and when: old log entries, remembered message ids, bodies of what has ended, left drafts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from destinations import drafts
from destinations.delivery import ledger
from destinations.encryption.setup import drop_left_pairs
from destinations.models import Delivery
from workspaces.event_log import duplicates
from workspaces.event_log.base import EventLogReader

EVERY_SECONDS = 300.0


class Housekeeping:
    """Runs every few minutes in a worker."""

    def __init__(self) -> None:
        self._due = time.monotonic() + EVERY_SECONDS

    def run(self, log: EventLogReader, partitions: Sequence[int]) -> None:
        """Clean up if it is time."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + EVERY_SECONDS
            clean_up(log, partitions)


def clean_up(log: EventLogReader, partitions: Sequence[int]) -> dict[str, int]:
    """Throw away what is past its time in the partitions this process has leased; how much of each went."""
    kept = timedelta(days=settings.EVENT_RETENTION_DAYS)
    before = int((time.time() - kept.total_seconds()) * 1_000_000)
    trimmed = [log.trim(n, up_to=ledger.saved_position(n), older_than=before) for n in partitions]
    return {
        "log entries": sum(trimmed),
        "message ids": duplicates.forget_older_than(),
        "bodies": _empty_old_bodies(kept),
        "unused keys": drop_left_pairs(),
        "drafts": drafts.forget_old(),
    }


def _empty_old_bodies(kept: timedelta) -> int:
    """A dead letter can be sent again as long as its event is kept; its record stays. What still waits is dead then."""
    waiting = Delivery.objects.filter(status=Delivery.Status.WAITING, received_at__lt=timezone.now() - kept)
    waiting.update(status=Delivery.Status.DEAD, next_try_at=None)
    ended = Delivery.objects.filter(status__in=[Delivery.Status.DEAD, Delivery.Status.DELIVERED])
    return ended.filter(received_at__lt=timezone.now() - kept).exclude(sealed_body=b"").update(sealed_body=b"")
