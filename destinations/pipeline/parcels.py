"""Parcels: jobs that share a request, where the receiver takes several events in one.

Jobs of a destination that come up together travel together. Nobody waits for company: a parcel leaves with the worker's
next look at the courier, unless one of its destination is under way; then it grows for a fifth of a second at most.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import msgspec

from destinations.catalog.base import Item, Request, Response
from destinations.delivery.ledger import Job
from destinations.pipeline.batch import Batch
from destinations.pipeline.plan import DestinationPlan
from destinations.testing.redaction import Redaction

LONGEST_WAIT = 0.2


class Sent(msgspec.Struct):
    """A job that is with the courier; `batch` waits for it, or is None where the ledger has a row for it."""

    job: Job
    plan: DestinationPlan
    batch: Batch | None


Parcel = list[Sent]  # of one destination and one plan, never empty


class _Open(msgspec.Struct):
    parcel: Parcel
    size: int
    since: float


ANSWER_LETTERS = 2048  # of a refusal, kept for people to read
FETCHED_BYTES = 2 * ANSWER_LETTERS  # so that no credential is cut in two, and kept by half


def request_of(parcel: Parcel) -> Request:
    """The request that carries the parcel's events, and keeps enough of a refusal; whatever the connector raises."""
    request = _request_of(parcel)
    return request if request.keep >= FETCHED_BYTES else msgspec.structs.replace(request, keep=FETCHED_BYTES)


def answer_of(parcel: Parcel, response: Response) -> bytes:
    """How the receiver's answer begins, its credentials redacted: what may be kept of it; empty for several events.

    The answer to several may repeat any of them, and must go with each end user who is deleted.
    """
    if len(parcel) > 1 or not response.body:
        return b""
    plan = parcel[0].plan
    redaction = Redaction(plan.connector.settings_form, plan.settings, _request_of(parcel))
    return redaction.text(response.body.decode(errors="replace"))[:ANSWER_LETTERS].encode(errors="replace")


def _request_of(parcel: Parcel) -> Request:
    connector, settings, job = parcel[0].plan.connector, parcel[0].plan.settings, parcel[0].job
    if connector.batching is not None:
        return connector.build_batch(items_of(parcel), settings)
    return connector.build_request(
        job.body,
        settings,
        key_fingerprint=job.key_fingerprint,
        message_id=job.message_id,
        attempt=job.attempts + 1,
    )


def items_of(parcel: Parcel) -> list[Item]:
    """The parcel's events as the connector takes them."""
    return [Item(sent.job.body, sent.job.message_id) for sent in parcel]


def halves(parcel: Parcel) -> tuple[Parcel, Parcel]:
    """The parcel in two, each with at least one job; for parcels of two and more."""
    middle = len(parcel) // 2
    return parcel[:middle], parcel[middle:]


class Gathering:
    """The parcels that are not closed yet."""

    def __init__(self) -> None:
        self._open: dict[tuple[uuid.UUID, str], _Open] = {}
        self.count = 0  # jobs in them

    def add(self, sent: Sent) -> Parcel | None:
        """Put a job with the others of its destination; a parcel that is closed by that, if there is one.

        One closes when the next job has no room in it, or was prepared under another configuration.
        """
        batching = sent.plan.connector.batching
        assert batching is not None
        key = (sent.plan.id, sent.plan.connector.group_of(sent.job.event_type))
        size, found, closed = len(sent.job.body), self._open.get(key), None
        if found is not None:
            full = len(found.parcel) >= batching.max_events or found.size + size > batching.max_bytes
            if full or found.parcel[0].plan is not sent.plan:
                closed, found = self._take(key), None
        if found is None:
            found = self._open[key] = _Open([], 0, time.monotonic())
        found.parcel.append(sent)
        found.size += size
        self.count += 1
        return closed

    def load(self, destination: uuid.UUID) -> int:
        """How many jobs of a destination are gathered."""
        return sum(len(found.parcel) for key, found in self._open.items() if key[0] == destination)

    def ready(self, is_idle: Callable[[uuid.UUID], bool]) -> list[Parcel]:
        """Close what need not wait: parcels whose destination has nothing under way, and those that waited."""
        before = time.monotonic() - LONGEST_WAIT
        keys = [key for key, found in self._open.items() if found.since <= before or is_idle(key[0])]
        return [self._take(key) for key in keys]

    def take_all(self) -> list[Parcel]:
        """Close every parcel."""
        return [self._take(key) for key in list(self._open)]

    def _take(self, key: tuple[uuid.UUID, str]) -> Parcel:
        parcel = self._open.pop(key).parcel
        self.count -= len(parcel)
        return parcel
