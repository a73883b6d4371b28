"""What is with the courier: jobs of batches and retries, how their answers are judged, and who has to wait.

A batch must not wait for a slow destination, since positions advance in order. So a job that has not been sent after a
second is parked in the ledger, and one that is still under way then gets its row in the ledger while it goes on; either
way its batch is free.
"""

from __future__ import annotations

import logging
import time
import uuid

import msgspec
from django.conf import settings

from destinations.catalog.base import Outcome, Response, Verdict
from destinations.delivery import backoff, ledger
from destinations.delivery.address_guard import parse_networks
from destinations.delivery.http import INVALID_URL, Courier
from destinations.delivery.ledger import Job, Page
from destinations.models import Delivery
from destinations.pipeline.batch import Batch
from destinations.pipeline.circuit import Circuits
from destinations.pipeline.plan import DestinationPlan, Plans

logger = logging.getLogger(__name__)

RETRIES_EVERY = 0.25
RETRIES_EACH = 128  # of one destination in memory
CLAIM_SECONDS = 60.0  # a killed worker's claimed retries come back after this
QUEUE_ENOUGH = 1000  # unsent jobs that make reading on useless
BACKLOG_LIMIT = 2000  # jobs of one destination in memory
BEHIND_LIMIT, BEHIND_SECONDS = 64, 10.0  # the same for one that lately did not keep up
PATIENCE = 1.0  # seconds a batch waits for a job
LOOK_EVERY = 0.1


class _Sent(msgspec.Struct):
    """A job that is with the courier; `batch` waits for it, or is None where the ledger has a row for it."""

    job: Job
    plan: DestinationPlan
    batch: Batch | None


class Sender:
    """The jobs of one worker between the log and the ledger."""

    def __init__(self, plans: Plans) -> None:
        self.loose = Page()  # what is known beside the batches and not written yet
        self._plans = plans
        self._courier: Courier[_Sent] = Courier(parse_networks(settings.DELIVERY_ALLOWED_NETWORKS))
        self._circuits = Circuits()
        self._behind: dict[uuid.UUID, float] = {}  # until when
        self._claim_at = self._look_at = 0.0

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return self._courier.in_flight

    @property
    def has_enough(self) -> bool:
        """Whether reading on would only make the queue longer."""
        return self._courier.queued >= QUEUE_ENOUGH

    def submit(self, job: Job, batch: Batch) -> None:
        """Send a batch's job, or park it where its destination cannot take it now."""
        destination = job.destination_id
        if self._circuits.is_open(destination):
            sendable = self._circuits.take_probe(destination, time.monotonic())
        else:
            sendable = self._courier.load(destination) < self._limit(destination)
        if sendable:
            self._send(job, self._plans.by_id[destination], batch)
        else:
            self._park(job, batch)

    def _limit(self, destination: uuid.UUID) -> int:
        until = self._behind.get(destination)
        return BACKLOG_LIMIT if until is None or time.monotonic() > until else BEHIND_LIMIT

    def claim_retries(self) -> None:
        """Take from the ledger what is due, for each destination by itself: one's backlog delays no other's retries.

        A destination that is disabled keeps what waits until it is enabled again.
        """
        now, wall, more = time.monotonic(), time.time(), False
        if now < self._claim_at:
            return
        for destination in ledger.due_destinations(wall):
            limit = self._retries_for(destination, now)
            if limit > 0:
                jobs = ledger.claim_due(destination, wall, until=wall + CLAIM_SECONDS, limit=limit)
                more = more or len(jobs) == limit > 1
                for job in jobs:
                    self._send(job, self._plans.by_id[destination], None)
        self._claim_at = now + (0.0 if more else RETRIES_EVERY)

    def _retries_for(self, destination: uuid.UUID, now: float) -> int:
        """How many of its retries may be sent now."""
        if destination not in self._plans.by_id:
            return 0
        if self._circuits.is_open(destination):
            return int(self._circuits.take_probe(destination, now))
        return RETRIES_EACH - self._courier.load(destination)

    def hear(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for answers and judge them; whether there were any."""
        answers = self._courier.poll(timeout)
        for sent, response in answers:
            self._settle(sent, response)
        return bool(answers)

    def free_batches(self) -> None:
        """Take out of batches what has kept them waiting too long."""
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY
        self.park_unsent(PATIENCE)
        for sent in self._courier.under_way(PATIENCE):
            if sent.batch is not None:
                self._hand_over(sent)

    def park_unsent(self, waited: float = 0.0) -> None:
        """Leave to the ledger what has waited `waited` seconds without being sent."""
        for sent in self._courier.withdraw(waited):
            self._behind[sent.job.destination_id] = time.monotonic() + BEHIND_SECONDS
            self._park(sent.job, sent.batch)

    def forget_batches(self) -> None:
        """Drop what belongs to batches that will be read again; retries go back to the ledger."""
        for sent in self._courier.withdraw(0.0):
            if sent.batch is None:
                self._park(sent.job, None)

    def close(self) -> None:
        """Drop every connection."""
        self._courier.close()

    def _send(self, job: Job, plan: DestinationPlan, batch: Batch | None) -> None:
        sent = _Sent(job, plan, batch)
        try:
            request = plan.connector.build_request(
                job.body,
                plan.settings,
                key_fingerprint=job.key_fingerprint,
                message_id=job.message_id,
                attempt=job.attempts + 1,
            )
        except Exception:  # one destination's settings must not stop every other
            logger.exception("no request can be made for destination %s", plan.id)
            self._settle(sent, Response(None, INVALID_URL))
            return
        self._courier.submit(job.destination_id, sent, request)

    def _settle(self, sent: _Sent, response: Response) -> None:
        job, page = sent.job, self._page_of(sent.batch)
        outcome = sent.plan.connector.read_response(response)
        job.attempts += 1
        tried_at = time.time() - response.duration_ms / 1000
        job.first_tried = job.first_tried or tried_at
        page.note_attempt(
            job,
            tried_at=tried_at,
            duration_ms=response.duration_ms,
            status_code=response.status,
            code=outcome.code,
        )
        if outcome.verdict is Verdict.RETRY:
            self._circuits.failed(job.destination_id, time.monotonic())
        else:
            self._circuits.answered(job.destination_id)
        self._conclude(job, page, outcome, response)

    def _conclude(self, job: Job, page: Page, outcome: Outcome, response: Response) -> None:
        if outcome.verdict is Verdict.DELIVERED:
            page.count(job, "delivered" if job.attempts == 1 else "retried")
            if job.delivery_id is not None:
                page.note_delivery(job, Delivery.Status.DELIVERED, "")
            return
        at = self._next_try(job, response) if outcome.verdict is Verdict.RETRY else None
        if at is None:
            page.note_delivery(job, Delivery.Status.DEAD, outcome.code)
            page.count(job, outcome.code)
        else:
            page.note_delivery(job, Delivery.Status.WAITING, outcome.code, next_try=at)

    def _next_try(self, job: Job, response: Response) -> float | None:
        return backoff.next_try(
            attempts=job.attempts,
            first_tried=job.first_tried,
            now=time.time(),
            retry_after=response.retry_after,
        )

    def _page_of(self, batch: Batch | None) -> Page:
        """Where the end of a job is noted; its batch no longer waits for it."""
        if batch is None:
            return self.loose
        batch.open_jobs -= 1
        return batch.page

    def _park(self, job: Job, batch: Batch | None) -> None:
        """Leave a job to the retries without counting a try: the four hours begin with the first real one."""
        now = time.time()
        at = backoff.next_try(attempts=0, first_tried=now, now=now)
        self._page_of(batch).note_delivery(job, Delivery.Status.WAITING, "", next_try=at)

    def _hand_over(self, sent: _Sent) -> None:
        """Give a job that is under way a row of its own, claimed by us, so that its batch need not wait for it.

        The row goes with the loose ones, which are written no later than the answer.
        """
        self._page_of(sent.batch)
        sent.batch, now = None, time.time()
        until = now + CLAIM_SECONDS
        self.loose.note_delivery(sent.job, Delivery.Status.WAITING, "", next_try=now, claimed_until=until)
