"""The worker: from the event log to acknowledged deliveries, with a record of each.

A batch's position is stored in one transaction with its attempts, deliveries and counts, so a worker killed at any
moment reads on from what is settled: nothing is lost, and what is sent again carries the same `messageId`. What cannot
be sent at once (a failed try, a slow or dead destination) waits in the ledger, encrypted and sealed, and the log goes
on: one dead receiver slows no other.
"""

from __future__ import annotations

import gc
import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import Error as DatabaseError
from django.db import connection

from destinations.alerting import Alerting
from destinations.deletion.job import Deletions
from destinations.delivery import ledger
from destinations.delivery.ledger import Page
from destinations.pipeline.batch import Batch, prepare
from destinations.pipeline.housekeeping import Housekeeping
from destinations.pipeline.plan import Plans
from destinations.pipeline.sending import Sender
from destinations.pipeline.writing import Writing
from destinations.resending.job import Resending
from privacy.scanning.scan import Scanner
from workspaces.event_log import open_reader
from workspaces.event_log.base import Entry, EventLogUnavailable
from workspaces.name_counts import Names

logger = logging.getLogger(__name__)

BATCH_EVENTS = 1000  # each batch costs three transactions, whatever it holds
BATCHES_OPEN = 8  # of one partition: what a second of waiting for slow destinations may hold up
LEASE_EVERY = 2.0  # also how often an idle worker looks for changed configuration: its retries need it
POLL = 0.02
BRIEFLY = 0.002
TROUBLE_PAUSE = 1.0
STUCK_PAUSE = 60.0
LAST_SECONDS = 6.0  # a stopping worker gives what is under way; a request takes at most 5


@dataclass(slots=True)
class _Partition:
    """A leased partition: how far it has been read, and the batches that are not settled yet, in order."""

    read_to: int
    batches: deque[Batch] = field(default_factory=deque)
    stuck_until: float = 0.0

    def take_settled(self) -> list[Batch]:
        """Take out the batches that are done, up to the first that is not."""
        done = []
        while self.batches and not self.batches[0].open_jobs:
            done.append(self.batches.popleft())
        return done


class Worker:
    """One process of the pipeline. `run` returns after `stop`."""

    def __init__(self) -> None:
        self._log = open_reader()
        self._plans = Plans()
        self._scanner = Scanner()
        self._names = Names()
        self._sender = Sender(self._plans)
        self._housekeeping = Housekeeping()
        self._deletions = Deletions()
        self._resending = Resending()
        self._alerting = Alerting()
        self._partitions: dict[int, _Partition] = {}
        self._doubtful: Writing | None = None  # nobody knows whether its commit went through
        self._lease_at = 0.0
        self._stopping = False

    def stop(self) -> None:
        """Finish what is under way, then let `run` return."""
        self._stopping = True

    def run(self) -> None:
        """Work until `stop`. Trouble with the database or the log is waited out."""
        _spare_the_collector()
        while not self._stopping:
            try:
                busy = self._turn()
            except (DatabaseError, EventLogUnavailable) as error:
                self._wait_out(error)
                continue
            if not busy:
                time.sleep(POLL)
        self._finish()

    def _turn(self) -> bool:
        """One round of everything; whether there was something to do."""
        self._lease()
        read = self._read()
        self._sender.claim_retries()
        heard = self._sender.hear(BRIEFLY if read else POLL)
        while heard and self._sender.hear(BRIEFLY):
            pass
        self._sender.free_batches()
        wrote = self._write()
        self._housekeeping.run(self._log, list(self._partitions))
        self._deletions.run(self._log, list(self._partitions))
        self._resending.run(self._log, list(self._partitions), self._plans)
        self._alerting.run()
        return read or heard or wrote or self._sender.in_flight > 0

    def _lease(self) -> None:
        now = time.monotonic()
        if now < self._lease_at:
            return
        self._lease_at = now + LEASE_EVERY
        self._plans.refresh()
        for partition in self._log.partitions():
            if partition not in self._partitions and self._log.lease(partition):
                self._partitions[partition] = _Partition(ledger.saved_position(partition))

    def _read(self) -> bool:
        found = False
        if self._sender.has_enough:
            return False
        for number, partition in self._partitions.items():
            if len(partition.batches) < BATCHES_OPEN and time.monotonic() >= partition.stuck_until:
                entries = self._log.read(number, after=partition.read_to, limit=BATCH_EVENTS)
                if entries:
                    self._plans.refresh()
                    found = self._take(partition, entries) or found
        return found

    def _take(self, partition: _Partition, entries: Sequence[Entry]) -> bool:
        """Prepare and send a batch; where one of its entries cannot be read, what stands before that one."""
        try:
            batch, jobs = prepare(entries, self._plans, self._scanner, self._names)
        except (DatabaseError, EventLogUnavailable):
            raise
        except Exception:  # one entry nobody foresaw must not stop every partition
            if len(entries) > 1:
                return self._take_singly(partition, entries)
            # Never skipped and never lost: the partition waits, usually until a key is back in DATA_SEALING_KEYS.
            logger.exception("partition %d waits: entry %d does not open", entries[0].partition, entries[0].position)
            partition.stuck_until = time.monotonic() + STUCK_PAUSE
            return False
        partition.batches.append(batch)
        partition.read_to = batch.position
        for job in jobs:
            self._sender.submit(job, batch)
        return True

    def _take_singly(self, partition: _Partition, entries: Sequence[Entry]) -> bool:
        taken = 0
        while taken < len(entries) and self._take(partition, [entries[taken]]):
            taken += 1
        return taken > 0

    def _write(self) -> bool:
        """Write every batch that is settled, oldest first, and what is loose, in one transaction."""
        self._settle_doubt()
        writing = self._taken_out()
        if writing:
            self._doubtful = writing
            writing.write()
            self._doubtful = None
        return bool(writing)

    def _settle_doubt(self) -> None:
        """Write again what an error left in doubt, unless it is written after all."""
        if self._doubtful is not None:
            if not self._doubtful.is_written():
                self._doubtful.write()
            self._doubtful = None

    def _taken_out(self) -> Writing:
        """What is ready to be written, which then stands nowhere else."""
        batches = [batch for partition in self._partitions.values() for batch in partition.take_settled()]
        loose, self._sender.loose = self._sender.loose, Page()
        return Writing(batches, loose)

    def _wait_out(self, error: Exception) -> None:
        """Wait. With the log its leases are lost: what was read and not settled is read again by whoever has them."""
        logger.error("the pipeline waits: %s", type(error).__name__)
        if isinstance(error, EventLogUnavailable):
            self._log.close()
            self._partitions.clear()
            self._sender.forget_batches()
            if self._doubtful is not None:
                self._doubtful.forget_batches()
            self._lease_at = 0.0
        connection.close()
        time.sleep(TROUBLE_PAUSE)

    def _finish(self) -> None:
        end = time.monotonic() + LAST_SECONDS
        self._sender.park_unsent()
        while self._sender.in_flight and time.monotonic() < end:
            self._sender.hear(POLL)
        try:
            self._write()
        except DatabaseError:
            logger.exception("the last results were not written: these deliveries will be repeated")
        self._sender.close()
        self._alerting.close()
        self._log.close()


def _spare_the_collector() -> None:
    """Keep what was loaded at the start out of every garbage collection: a tenth of the worker's time otherwise."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
