"""The search of our own stores: one sweep of the event log for many regulations at once, then samples.

A partition is searched by the worker that leases it, behind the position up to which its deliveries are settled:
what was under way has its row in the ledger by then. First the deliveries are emptied and the removals counted, then
the log is rewritten, then the position moves: a worker that is killed in between does the same again and counts
nothing twice.
"""

from __future__ import annotations

import logging
import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from destinations.deletion.scrub import scrub
from destinations.deletion.waiting import Found, empty_deliveries
from destinations.delivery import ledger
from privacy.models import Regulation, RegulationStep, Sweep, SweepPart
from privacy.regulations import DELETES, Status
from privacy.subjects import subject_digest
from workspaces.event_log.base import Entry, EventLogReader, Rewritten
from workspaces.models import Source
from workspaces.sealing import SealError

logger = logging.getLogger(__name__)

# Web processes learn of a suppression within 5 s; what they still took belongs to the search.
SETTLING = timedelta(seconds=10)
MOST_TOGETHER = 20_000
# One transaction begins a sweep, with three steps for each request. SQLite lets nobody else write meanwhile: 20,000
# requests took longer than others wait on a busy machine.
MOST_TOGETHER_ON_SQLITE = 5_000
CHUNK_EVENTS = 500
EVENT_LOG, DELIVERIES, SAMPLES = "Event log", "Waiting and undelivered events", "Samples"
PLACES = (EVENT_LOG, DELIVERIES, SAMPLES)

Key = tuple[uuid.UUID, bytes]  # workspace and subject


@transaction.atomic
def begin(log: EventLogReader) -> Sweep | None:
    """Start a sweep for every regulation that waits for one; None where none does."""
    due = Regulation.objects.select_for_update(skip_locked=True).filter(
        status=Status.INITIALIZED, type__in=DELETES, requested_at__lte=timezone.now() - SETTLING
    )
    most = MOST_TOGETHER_ON_SQLITE if connection.vendor == "sqlite" else MOST_TOGETHER
    ids = list(due.order_by("requested_at").values_list("pk", flat=True)[:most])
    if not ids:
        return None
    sweep = Sweep.objects.create()
    SweepPart.objects.bulk_create(SweepPart(sweep=sweep, partition=n, target=log.end(n)) for n in log.partitions())
    for start in range(0, len(ids), CHUNK_EVENTS):
        some = ids[start : start + CHUNK_EVENTS]
        Regulation.objects.filter(pk__in=some).update(status=Status.RUNNING, sweep=sweep)
        RegulationStep.objects.bulk_create(
            RegulationStep(regulation_id=pk, place=place, status=Status.RUNNING) for pk in some for place in PLACES
        )
    return sweep


class Search:
    """One sweep as one worker takes part in it."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self._regulations: dict[Key, list[uuid.UUID]] = defaultdict(list)
        rows = Regulation.objects.filter(sweep=sweep).values_list("workspace_id", "subject", "pk")
        for workspace_id, subject, pk in rows:
            self._regulations[workspace_id, bytes(subject)].append(pk)
        self._asked = {workspace_id for workspace_id, _ in self._regulations}
        self._workspaces: dict[uuid.UUID, uuid.UUID | None] = {}

    def advance(self, log: EventLogReader, partitions: Sequence[int]) -> bool:
        """Search one chunk of one of these partitions; False where all of them are searched as far as they can be."""
        open_parts = SweepPart.objects.filter(sweep=self.sweep, partition__in=partitions, position__lt=F("target"))
        for part in open_parts.order_by("partition"):
            up_to = min(part.target, ledger.saved_position(part.partition))
            if part.position < up_to:
                self._search(log, part, up_to)
                return True
        return False

    def _search(self, log: EventLogReader, part: SweepPart, up_to: int) -> None:
        read = log.read(part.partition, after=part.position, limit=CHUNK_EVENTS)
        entries = [entry for entry in read if entry.position <= up_to]
        reached = entries[-1].position if entries else up_to
        changes, found, unreadable = self._scrubbed(entries)
        with transaction.atomic():
            emptied = empty_deliveries(found)
            self._count(DELIVERIES, emptied)  # each is emptied once
            new = Counter((each.workspace_id, each.subject) for each in found if each.log_place[1] > part.noted)
            self._count(EVENT_LOG, new)
            part.noted = max(part.noted, reached)
            part.save(update_fields=["noted"])
        if changes:
            log.rewrite(part.partition, changes)
        part.position, part.unreadable = reached, part.unreadable + unreadable
        part.save(update_fields=["position", "unreadable"])

    def _scrubbed(self, entries: Sequence[Entry]) -> tuple[list[Rewritten], list[Found], int]:
        changes: list[Rewritten] = []
        found: list[Found] = []
        unreadable = 0
        for entry in entries:
            workspace_id = self._workspace_of(entry.source_id)
            if workspace_id is None or workspace_id not in self._asked:
                continue
            try:
                scrubbed = scrub(entry, lambda user_id, of=workspace_id: self._subject_of(of, user_id))  # type: ignore[misc]
            except (SealError, ValueError):
                logger.exception("entry %d of partition %d cannot be searched", entry.position, entry.partition)
                unreadable += 1
                continue
            if scrubbed is not None:
                changes.append(scrubbed.rewritten)
                place = (entry.partition, entry.position)
                found += [Found(workspace_id, (*place, gone.place), *gone[1:]) for gone in scrubbed.gone]
        return changes, found, unreadable

    def _subject_of(self, workspace_id: uuid.UUID, user_id: str) -> bytes | None:
        subject = subject_digest(workspace_id, user_id)
        return subject if (workspace_id, subject) in self._regulations else None

    def _workspace_of(self, source_id: uuid.UUID) -> uuid.UUID | None:
        if source_id not in self._workspaces:
            found = Source.objects.filter(pk=source_id).values_list("workspace_id", flat=True).first()
            self._workspaces[source_id] = found
        return self._workspaces[source_id]

    def _count(self, place: str, removed: Counter[Key]) -> None:
        for key, count in sorted(removed.items()):  # workers of other partitions count in the same rows
            steps = RegulationStep.objects.filter(regulation__in=self._regulations[key], place=place)
            steps.update(removed=F("removed") + count)
