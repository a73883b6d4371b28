"""What is thrown away, and when: old log entries, remembered message ids, bodies of what has ended, left drafts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from destinations.delivery import ledger
from destinations.models import Delivery, Draft, PublicKey
from workspaces.event_log import duplicates
from workspaces.event_log.base import EventLogReader

EVERY_SECONDS = 300.0
DRAFTS_KEPT = timedelta(days=1)  # an expired draft stays a day, so that its address can say that it has expired
PAIRS_KEPT = timedelta(minutes=15)


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
        "unused keys and drafts": _drop_left_drafts(),
    }


def _empty_old_bodies(kept: timedelta) -> int:
    """A dead letter can be sent again as long as its event is kept; its record stays. What still waits is dead then."""
    waiting = Delivery.objects.filter(status=Delivery.Status.WAITING, received_at__lt=timezone.now() - kept)
    waiting.update(status=Delivery.Status.DEAD, next_try_at=None)
    ended = Delivery.objects.filter(status__in=[Delivery.Status.DEAD, Delivery.Status.DELIVERED])
    return ended.filter(received_at__lt=timezone.now() - kept).exclude(sealed_body=b"").update(sealed_body=b"")


@transaction.atomic
def _drop_left_drafts() -> int:
    now = timezone.now()
    left = Draft.objects.filter(touched_at__lt=now - PAIRS_KEPT, pending_key__isnull=False)
    keys, _ = PublicKey.objects.filter(destination=None, draft__in=left).delete()
    drafts, _ = Draft.objects.filter(touched_at__lt=now - DRAFTS_KEPT).delete()
    return keys + drafts
