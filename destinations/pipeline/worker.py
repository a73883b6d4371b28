"""The worker: from the event log to acknowledged deliveries, with a record of each.

A batch's position is stored in one transaction with its attempts, deliveries and counts, so a worker killed at any
moment reads on from what is settled: nothing is lost, and what is sent again carries the same `messageId`. What cannot
be sent at once (a failed try, a slow or dead destination) is parked in the ledger, encrypted and sealed, and the
log goes on: one dead receiver slows no other.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections import deque
from dataclasses import dataclass, field

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection, transaction

from destinations.catalog.base import Outcome, Response, Verdict
from destinations.delivery import backoff, ledger
from destinations.delivery.address_guard import parse_networks
from destinations.delivery.http import Courier
from destinations.delivery.ledger import Job, Page
from destinations.models import Delivery
from destinations.pipeline.batch import Batch, prepare
from destinations.pipeline.circuit import Circuits
from destinations.pipeline.housekeeping import Housekeeping
from destinations.pipeline.plan import Plans
from workspaces.event_counts import CountKey, add_counts
from workspaces.event_log import open_reader
from workspaces.event_log.base import EventLogUnavailable
from workspaces.sealing import SealError

logger = logging.getLogger(__name__)

BATCH_EVENTS = 500
BATCHES_OPEN = 4  # of one partition
LEASE_EVERY = 2.0
RETRIES_EVERY = 0.25
CLAIM_SECONDS = 60.0  # a killed worker's claimed retries come back after this
CLAIM_LIMIT = 200
BACKLOG_LIMIT = 2000  # jobs of one destination in memory
PARK_AFTER = 2.0  # seconds in the queue without being sent
POLL = 0.02
TROUBLE_PAUSE = 1.0
LAST_MINUTE = 6.0  # seconds a stopping worker gives what is under way


@dataclass(slots=True)
class _Partition:
    """A leased partition: how far it has been read, and the batches that are not settled yet, in order."""

    read_to: int
    batches: deque[Batch] = field(default_factory=deque)
    stuck_until: float = 0.0


@dataclass(slots=True)
class _Sent:
    """A job that is with the courier, and the batch it belongs to; a retry belongs to none."""

    job: Job
    batch: Batch | None
    sent_at: float


class Worker:
    """One process of the pipeline. `run` returns after `stop`."""

    def __init__(self) -> None:
        self._log = open_reader()
        self._courier: Courier[_Sent] = Courier(parse_networks(settings.DELIVERY_ALLOWED_NETWORKS))
        self._plans = Plans()
        self._circuits = Circuits()
        self._housekeeping = Housekeeping()
        self._partitions: dict[int, _Partition] = {}
        self._loose = Page()  # what is known of retries and not written yet
        self._retries = 0
        self._lease_at = self._retry_at = 0.0
        self._stopping = False

    def stop(self) -> None:
        """Finish what is under way, then let `run` return."""
        self._stopping = True

    def run(self) -> None:
        """Work until `stop`. Trouble with the database or the log is waited out."""
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
        self._plans.refresh()
        self._lease()
        read = self._read()
        self._claim_retries()
        heard = self._hear(0.0 if read else POLL)
        self._park_what_waits()
        wrote = self._write()
        self._housekeeping.run(self._log, list(self._partitions))
        return read or heard or wrote or self._courier.in_flight > 0

    # Reading

    def _lease(self) -> None:
        now = time.monotonic()
        if now < self._lease_at:
            return
        self._lease_at = now + LEASE_EVERY
        for partition in self._log.partitions():
            if partition not in self._partitions and self._log.lease(partition):
                self._partitions[partition] = _Partition(ledger.saved_position(partition))

    def _read(self) -> bool:
        found = False
        for number, partition in self._partitions.items():
            if len(partition.batches) < BATCHES_OPEN and time.monotonic() >= partition.stuck_until:
                found = self._read_one(number, partition) or found
        return found

    def _read_one(self, number: int, partition: _Partition) -> bool:
        entries = self._log.read(number, after=partition.read_to, limit=BATCH_EVENTS)
        if not entries:
            return False
        try:
            batch = prepare(entries, self._plans, self._submit_new)
        except SealError:
            # Never skipped and never lost: it waits until its key is back in DATA_SEALING_KEYS.
            logger.exception("partition %d waits: an entry from %d on does not open", number, entries[0].position)
            partition.stuck_until = time.monotonic() + 60
            return False
        partition.batches.append(batch)
        partition.read_to = batch.position
        return True

    # Sending

    def _submit_new(self, batch: Batch, job: Job) -> None:
        now = time.monotonic()
        if self._circuits.is_open(job.destination_id, now) or self._courier.load(job.destination_id) >= BACKLOG_LIMIT:
            self._park(job, batch)
        else:
            self._send(job, batch)

    def _send(self, job: Job, batch: Batch | None) -> None:
        plan = self._plans.by_id[job.destination_id]
        request = plan.connector.build_request(
            job.body,
            plan.settings,
            key_fingerprint=job.key_fingerprint,
            message_id=job.message_id,
            attempt=job.attempts + 1,
        )
        self._courier.submit(job.destination_id, _Sent(job, batch, time.time()), request)

    def _claim_retries(self) -> None:
        now = time.monotonic()
        if now < self._retry_at or self._retries >= CLAIM_LIMIT:
            return
        self._retry_at = now + RETRIES_EVERY
        closed = [name for name in self._circuits.open_ones(now) if isinstance(name, uuid.UUID)]
        wall = time.time()
        limit = CLAIM_LIMIT - self._retries
        for job in ledger.claim_due(wall, until=wall + CLAIM_SECONDS, limit=limit, but_for=closed):
            if job.destination_id in self._plans.by_id:
                self._retries += 1
                self._send(job, None)
            else:
                self._loose.note_delivery(job, Delivery.Status.DEAD, "DESTINATION_DISABLED")
                self._loose.count(job, "DESTINATION_DISABLED")

    def _hear(self, timeout: float) -> bool:
        answers = self._courier.poll(timeout)
        for sent, response in answers:
            self._settle(sent, response)
        return bool(answers)

    # Settling

    def _settle(self, sent: _Sent, response: Response) -> None:
        job, page = sent.job, self._page_of(sent)
        plan = self._plans.by_id.get(job.destination_id)
        outcome = plan.connector.read_response(response) if plan else Outcome(Verdict.RETRY, "DESTINATION_DISABLED")
        job.attempts += 1
        job.first_tried = job.first_tried or sent.sent_at
        tried_at = time.time() - response.duration_ms / 1000
        page.note_attempt(
            job,
            tried_at=tried_at,
            duration_ms=response.duration_ms,
            status_code=response.status,
            code=outcome.code,
        )
        self._conclude(job, page, outcome, response)

    def _conclude(self, job: Job, page: Page, outcome: Outcome, response: Response) -> None:
        if outcome.verdict is Verdict.DELIVERED:
            self._circuits.succeeded(job.destination_id)
            page.count(job, "delivered" if job.attempts == 1 else "retried")
            if job.delivery_id is not None:
                page.note_delivery(job, Delivery.Status.DELIVERED, "")
            return
        at = None
        if outcome.verdict is Verdict.RETRY:
            self._circuits.failed(job.destination_id, time.monotonic())
            at = backoff.next_try(
                attempts=job.attempts,
                first_tried=job.first_tried,
                now=time.time(),
                retry_after=response.retry_after,
            )
        if at is None:
            page.note_delivery(job, Delivery.Status.DEAD, outcome.code)
            page.count(job, outcome.code)
        else:
            page.note_delivery(job, Delivery.Status.WAITING, outcome.code, next_try=at)

    def _page_of(self, sent: _Sent) -> Page:
        if sent.batch is None:
            self._retries -= 1
            return self._loose
        sent.batch.open_jobs -= 1
        return sent.batch.page

    def _park_what_waits(self, waited: float = PARK_AFTER) -> None:
        for sent in self._courier.withdraw(waited):
            if sent.batch is None:
                self._retries -= 1
            self._park(sent.job, sent.batch)

    def _park(self, job: Job, batch: Batch | None) -> None:
        """Leave a job to the retry loop without counting a try against it."""
        page, now = self._loose, time.time()
        if batch is not None:
            batch.open_jobs -= 1
            page = batch.page
        job.first_tried = job.first_tried or now
        at = backoff.next_try(attempts=0, first_tried=job.first_tried, now=now)
        if at is None:
            page.note_delivery(job, Delivery.Status.DEAD, "errors.awaiting-retry.ETIMEDOUT")
            page.count(job, "errors.awaiting-retry.ETIMEDOUT")
        else:
            page.note_delivery(job, Delivery.Status.WAITING, "", next_try=at)

    # Writing

    def _write(self) -> bool:
        """Write every batch that is settled, oldest first, and what is known of retries, in one transaction."""
        done = {number: _settled(partition) for number, partition in self._partitions.items()}
        done = {number: batches for number, batches in done.items() if batches}
        if not done and not self._loose:
            return False
        page = Page()
        counts: dict[CountKey, int] = {}
        page.add(self._loose)
        for batch in (batch for batches in done.values() for batch in batches):
            page.add(batch.page)
            for key, count in batch.event_counts.items():
                counts[key] = counts.get(key, 0) + count
        with transaction.atomic():
            ledger.write(page)
            add_counts(counts)
            ledger.save_positions({number: batches[-1].position for number, batches in done.items()})
        self._loose = Page()
        for number, batches in done.items():
            for _ in batches:
                self._partitions[number].batches.popleft()
        return True

    # Trouble and the end

    def _wait_out(self, error: Exception) -> None:
        """Drop what was read and not settled: it is read again from the last stored position."""
        logger.error("the pipeline waits: %s", type(error).__name__)
        for number in list(self._partitions):
            del self._partitions[number]
            self._log.release(number)
        self._lease_at = 0.0
        connection.close()
        time.sleep(TROUBLE_PAUSE)

    def _finish(self) -> None:
        end = time.monotonic() + LAST_MINUTE
        self._park_what_waits(0.0)
        while self._courier.in_flight and time.monotonic() < end:
            self._hear(POLL)
        try:
            self._write()
        except DatabaseError:
            logger.exception("the last results were not written: these deliveries will be repeated")
        self._courier.close()
        self._log.close()


def _settled(partition: _Partition) -> list[Batch]:
    """The partition's batches that are done, up to the first that is not."""
    done = []
    for batch in partition.batches:
        if batch.open_jobs:
            break
        done.append(batch)
    return done
