"""What is with the courier: jobs of batches and retries, how their answers are judged, and who has to wait.

A batch must not wait for a slow destination, since positions advance in order. So a job that has not been sent after a
second is parked in the ledger, and one that is still under way then gets its row in the ledger while it goes on; either
way its batch is free.
"""

from __future__ import annotations

import logging
import time
import uuid
from typing import NamedTuple

from django.conf import settings

from destinations.catalog.base import Outcome, Response, Verdict
from destinations.delivery import backoff, ledger
from destinations.delivery.address_guard import parse_networks
from destinations.delivery.backoff import Draw
from destinations.delivery.http import INVALID_URL, Courier
from destinations.delivery.ledger import Job, Page
from destinations.models import Delivery
from destinations.pipeline.batch import Batch
from destinations.pipeline.circuit import Circuits
from destinations.pipeline.parcels import Gathering, Parcel, Sent, answer_of, halves, items_of, request_of
from destinations.pipeline.plan import DestinationPlan, Plans

logger = logging.getLogger(__name__)

RETRIES_EVERY = 0.25
RETRIES_EACH = 128  # of one destination in memory
CLAIM_SECONDS = 60.0  # a killed worker's claimed retries come back after this
QUEUE_ENOUGH = 1000  # unsent jobs that make reading on useless
BACKLOG_LIMIT = 2000  # jobs of one destination in memory
BEHIND_LIMIT, BEHIND_SECONDS = 64, 10.0  # the same for one that lately did not keep up
PACED_LIMIT = 2  # the same for one that is sent to slowly: the one under way, and the next
TURN_EVERY = 0.25  # between two looks for a turn at such a one; how late a turn may be taken
PATIENCE = 1.0  # seconds a batch waits for a job
LOOK_EVERY = 0.1
# Refusals that may be about one event among many: the parcel is halved until the answer is about one alone.
ABOUT_ONE_OF_THEM = frozenset({400, 413, 422})


class _Answer(NamedTuple):
    """What was answered to a request: the same for every event in it."""

    response: Response
    kept: bytes  # of its body, for those who look into the failure
    at: float  # seconds since 1970
    draw: Draw

    def next_try(self, job: Job) -> float | None:
        """When the job is tried again; None when it is over."""
        return backoff.next_try(
            attempts=backoff.tries_of_round(job.attempts),
            first_tried=job.first_tried,
            now=self.at,
            retry_after=self.response.retry_after,
            draw=self.draw,
        )


class Sender:
    """The jobs of one worker between the log and the ledger."""

    def __init__(self, plans: Plans) -> None:
        self.loose = Page()  # what is known beside the batches and not written yet
        self._plans = plans
        self._courier: Courier[Parcel] = Courier(parse_networks(settings.DELIVERY_ALLOWED_NETWORKS))
        self._gathering = Gathering()
        self._circuits = Circuits()
        self._behind: dict[uuid.UUID, float] = {}  # until when
        self._turns: dict[uuid.UUID, float] = {}  # ours, not used yet: when
        self._no_turn: dict[uuid.UUID, float] = {}  # until when to ask for none
        self._claim_at = self._look_at = 0.0

    @property
    def in_flight(self) -> int:
        """Requests under way, and events that are about to be."""
        return self._courier.in_flight + self._gathering.count

    @property
    def has_enough(self) -> bool:
        """Whether reading on would only make the queue longer."""
        return self._courier.queued + self._gathering.count >= QUEUE_ENOUGH

    def submit(self, job: Job, batch: Batch) -> None:
        """Send a batch's job, or park it where its destination cannot take it now."""
        plan = self._plans.by_id[job.destination_id]
        if plan.connector.batching is not None and plan.connector.batching.every:
            self._collect(job, batch, plan.connector.batching.every)
            return
        if self._may_take(plan):
            self._send(job, plan, batch)
        else:
            self._park(job, batch)

    def _may_take(self, plan: DestinationPlan) -> bool:
        """Whether the destination can be sent a new event now."""
        if not self._has_turn(plan):
            return False
        if self._circuits.is_open(plan.id):
            return self._circuits.take_probe(plan.id, time.monotonic())
        return self._load(plan.id) < self._limit(plan.id)

    def _has_turn(self, plan: DestinationPlan) -> bool:
        """Whether a request may go to it now or in a moment, as far as its pace is concerned. Workers share turns."""
        pace, now = plan.connector.entry.pace, time.monotonic()
        if not pace:
            return True
        if self._turns.get(plan.id, 0.0) >= now - TURN_EVERY:
            return True
        if self._load(plan.id) >= PACED_LIMIT or now < self._no_turn.get(plan.id, 0.0):
            return False
        wall = time.time()
        at = ledger.take_turn(plan.id, now=wall, pace=pace, ahead=pace / 2)
        if at is None:
            self._no_turn[plan.id] = now + TURN_EVERY
            return False
        self._turns[plan.id] = now + at - wall
        return True

    def _load(self, destination: uuid.UUID) -> int:
        return self._courier.load(destination) + self._gathering.load(destination)

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
        if destination not in self._plans.by_id or self._circuits.is_quiet(destination, now):
            return 0
        if not self._has_turn(self._plans.by_id[destination]):
            return 0
        if self._circuits.is_open(destination):
            return int(self._circuits.take_probe(destination, now))
        connector, load = self._plans.by_id[destination].connector, self._load(destination)
        if connector.batching is not None and connector.batching.every:
            return 0 if load else connector.batching.max_events
        return 1 if connector.entry.pace else RETRIES_EACH - load

    def hear(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for answers and judge them; whether there were any."""
        for parcel in self._gathering.ready(lambda destination: not self._courier.load(destination)):
            self._post(parcel)
        answers = self._courier.poll(timeout)
        for parcel, response in answers:
            self._settle(parcel, response)
        return bool(answers)

    def free_batches(self) -> None:
        """Take out of batches what has kept them waiting too long."""
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY
        self.park_unsent(PATIENCE)
        for parcel in self._courier.under_way(PATIENCE):
            for sent in parcel:
                if sent.batch is not None:
                    self._hand_over(sent)

    def park_unsent(self, waited: float = 0.0) -> None:
        """Leave to the ledger what has waited `waited` seconds without being sent."""
        for parcel in self._courier.withdraw(waited):
            self._behind[parcel[0].job.destination_id] = time.monotonic() + BEHIND_SECONDS
            self._park_all(parcel)
        if not waited:
            for parcel in self._gathering.take_all():
                self._park_all(parcel)

    def forget_batches(self) -> None:
        """Drop what belongs to batches that will be read again; retries go back to the ledger."""
        for parcel in [*self._courier.withdraw(0.0), *self._gathering.take_all()]:
            self._park_all([sent for sent in parcel if sent.batch is None])

    def close(self) -> None:
        """Drop every connection."""
        self._courier.close()

    def _send(self, job: Job, plan: DestinationPlan, batch: Batch | None) -> None:
        sent = Sent(job, plan, batch)
        parcel: Parcel | None = [sent]
        if plan.connector.batching is not None:
            parcel = self._gathering.add(sent)
        if parcel is not None:
            self._post(parcel)

    def _post(self, parcel: Parcel) -> None:
        plan = parcel[0].plan
        if self._circuits.is_quiet(plan.id, time.monotonic()) or not self._has_turn(plan):
            self._park_all(parcel)
            return
        try:
            request = request_of(parcel)
        except Exception:  # one destination's settings, or one event, must not stop every other
            if len(parcel) > 1:
                for half in halves(parcel):
                    self._post(half)
                return
            logger.exception("no request can be made for destination %s", plan.id)
            self._settle(parcel, Response(None, INVALID_URL))
            return
        wait = max(0.0, self._turns.pop(plan.id, 0.0) - time.monotonic())
        self._courier.submit(plan.id, parcel, request, pace=plan.connector.entry.pace, wait=wait)

    def _settle(self, parcel: Parcel, response: Response) -> None:
        outcomes = _outcomes(parcel, response)
        verdicts = {outcome.verdict for outcome in outcomes}
        if len(parcel) > 1 and verdicts == {Verdict.DISCARD} and response.status in ABOUT_ONE_OF_THEM:
            for half in halves(parcel):
                self._post(half)
            return
        self._learn(parcel[0].plan.id, verdicts, response)
        kept = b"" if verdicts == {Verdict.DELIVERED} else answer_of(parcel, response)
        answer = _Answer(response, kept, time.time(), backoff.one_draw())
        for sent, outcome in zip(parcel, outcomes, strict=True):
            self._settle_one(sent, outcome, answer)

    def _learn(self, destination: uuid.UUID, verdicts: set[Verdict], response: Response) -> None:
        now = time.monotonic()
        if verdicts == {Verdict.RETRY}:
            self._circuits.failed(destination, now)
        else:
            self._circuits.answered(destination)
        if Verdict.RETRY in verdicts and response.retry_after:
            self._circuits.asked_for_time(destination, now, response.retry_after)
            for parcel in self._courier.take_back(destination):
                self._park_all(parcel)

    def _settle_one(self, sent: Sent, outcome: Outcome, answer: _Answer) -> None:
        job, page, response = sent.job, self._page_of(sent.batch), answer.response
        job.attempts += 1
        tried_at = answer.at - response.duration_ms / 1000
        job.first_tried = job.first_tried or tried_at
        page.note_attempt(
            job,
            tried_at=tried_at,
            duration_ms=response.duration_ms,
            status_code=response.status,
            code=outcome.code,
        )
        self._conclude(job, page, outcome, answer)

    def _conclude(self, job: Job, page: Page, outcome: Outcome, answer: _Answer) -> None:
        if outcome.verdict is Verdict.DELIVERED:
            page.count(job, "delivered" if job.attempts == 1 else "retried")
            if job.delivery_id is not None:
                page.note_delivery(job, Delivery.Status.DELIVERED, "")
            return
        at = answer.next_try(job) if outcome.verdict is Verdict.RETRY else None
        if at is None:
            page.note_delivery(job, Delivery.Status.DEAD, outcome.code, answer=answer.kept)
            page.count(job, outcome.code)
        else:
            page.note_delivery(job, Delivery.Status.WAITING, outcome.code, next_try=at, answer=answer.kept)

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

    def _park_all(self, parcel: Parcel) -> None:
        for sent in parcel:
            self._park(sent.job, sent.batch)

    def _collect(self, job: Job, batch: Batch, every: int) -> None:
        """Leave a job to the ledger until the next whole `every` seconds, when those of its destination go together."""
        at = (time.time() // every + 1) * every
        self._page_of(batch).note_delivery(job, Delivery.Status.WAITING, "", next_try=at)

    def _hand_over(self, sent: Sent) -> None:
        """Give a job that is under way a row of its own, claimed by us, so that its batch need not wait for it.

        The row goes with the loose ones, which are written no later than the answer.
        """
        self._page_of(sent.batch)
        sent.batch, now = None, time.time()
        until = now + CLAIM_SECONDS
        self.loose.note_delivery(sent.job, Delivery.Status.WAITING, "", next_try=now, claimed_until=until)


def _outcomes(parcel: Parcel, response: Response) -> list[Outcome]:
    connector = parcel[0].plan.connector
    if connector.batching is None:
        return [connector.read_response(response)]
    return connector.read_batch(response, items_of(parcel))
