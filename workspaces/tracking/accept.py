"""Taking one request in: who signed it, what of it is kept, and the log entry that makes it durable."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.db import Error as DatabaseError

from audit.ids import new_id
from workspaces.event_log.base import EventLogUnavailable, EventLogWriter, NewEntry
from workspaces.tracking import answers
from workspaces.tracking.answers import Answer
from workspaces.tracking.body import TooLarge
from workspaces.tracking.envelope import Envelope, pack
from workspaces.tracking.keeping import keep
from workspaces.tracking.plans import Absence, PlanCache, SourcePlan
from workspaces.tracking.rate import RateLimit
from workspaces.tracking.sift import InvalidJson, Sifted, sift
from workspaces.tracking.strangers import Strangers


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """What HTTP brought: the path's meaning, the body as JSON text, the header's write key, the caller's address."""

    kind: str
    browser: bool
    body: bytes
    header_key: str
    ip: str


class Ingest:
    """One process's way from request to answer."""

    def __init__(self, log: EventLogWriter, plans: PlanCache, rate: RateLimit, strangers: Strangers) -> None:
        self._log = log
        self._plans = plans
        self._rate = rate
        self._strangers = strangers

    def accept(self, request: IngestRequest) -> Answer:
        """Answer 200 only once the events are durable."""
        try:
            sifted = sift(request.kind, request.body)
            plan = self._plans.find(request.header_key or sifted.write_key)
            if isinstance(plan, Absence):
                return self._turn_away(plan)
            if wait := self._rate.take(plan.workspace_id, sifted.events):
                return answers.too_many(wait)
            self._log.append(new_entry(request, sifted, plan))
        except InvalidJson:
            return answers.INVALID_JSON
        except TooLarge:
            return answers.TOO_LARGE
        except (EventLogUnavailable, DatabaseError):
            return answers.UNAVAILABLE
        return answers.ACCEPTED

    def _turn_away(self, absence: Absence) -> Answer:
        self._strangers.count()
        return answers.UNAUTHORIZED if absence is Absence.REFUSED else answers.ACCEPTED


def new_entry(request: IngestRequest, sifted: Sifted, plan: SourcePlan) -> NewEntry:
    """The sealed log entry. Of a request from which nothing is kept only the reasons are stored."""
    if not plan.enabled:
        sifted.skip += [(place, kind, "source_disabled") for place, kind in sifted.kept]
        sifted.kept = []
    body, blocked = keep(request.kind, request.body, sifted, plan.controls)
    ip = request.ip if body else ""
    envelope = Envelope(request.kind, request.browser, ip, sifted.skip, sifted.surplus, blocked=blocked, body=body)
    return pack(
        envelope,
        entry_id=new_id(),
        source_id=plan.source_id,
        received_at=time.time_ns() // 1000,
        events=len(sifted.kept),
    )
