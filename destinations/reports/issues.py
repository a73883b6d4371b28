"""Delivery Issues: events that are not delivered, by the reason, with up to ten samples of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Q

from destinations.delivery import ledger, origin
from destinations.models import Attempt, Delivery, Destination
from destinations.reports import outcomes
from destinations.status import explain, first_id_at
from workspaces.sealing import SealError

MOST_SAMPLES = 10
OPEN = (Delivery.Status.WAITING, Delivery.Status.QUEUED, Delivery.Status.DEAD, Delivery.Status.HELD)


@dataclass(frozen=True, slots=True)
class Issue:
    """One reason: how many events it keeps from the destination, and what became of them so far."""

    code: str
    events: int
    dead: int
    held: int
    waiting: int
    last_seen: datetime

    @property
    def title(self) -> str:
        """What the page calls it."""
        return outcomes.title(self.code)

    @property
    def description(self) -> str:
        """A sentence about it."""
        return explain(self.code)

    @property
    def action(self) -> str:
        """What can be done about it."""
        return outcomes.action(self.code)


@dataclass(frozen=True, slots=True)
class Sample:
    """One event that was not delivered: how often it was tried, and its payloads where they are still kept."""

    number: int  # from 1
    count: int  # samples there are to look at
    delivery: Delivery
    tries: Sequence[Attempt]

    @property
    def last_try(self) -> Attempt | None:
        """The latest one."""
        return self.tries[-1] if self.tries else None

    def sent(self) -> dict[str, Any] | None:
        """The event as the source sent it, read from the event log; None where it is no longer kept."""
        row = self.delivery
        return origin.event_at(
            (row.log_partition, row.log_position, row.log_place), source_id=row.destination.source_id
        )

    def request(self) -> bytes | None:
        """What would leave for the destination, chosen fields encrypted; None where nothing of it is kept."""
        if not self.delivery.sealed_body:
            return None
        try:
            return ledger.open_body(self.delivery.pk, bytes(self.delivery.sealed_body))
        except SealError:
            return None

    def answer(self) -> str:
        """How the last refusal begins, credentials redacted; empty where nothing was said, or nothing is kept of it."""
        return _opened(self.delivery)


def _opened(delivery: Delivery) -> str:
    try:
        return ledger.open_answer(delivery.pk, bytes(delivery.sealed_answer)).decode(errors="replace")
    except SealError:
        return ""


def issues(destination: Destination, since: datetime) -> list[Issue]:
    """The reasons events received since then were not delivered for, most frequent first; two queries."""
    rows = (
        _open(destination, since)
        .values("reason")
        .annotate(
            events=Count("id"),
            dead=Count("id", filter=Q(status=Delivery.Status.DEAD)),
            held=Count("id", filter=Q(status=Delivery.Status.HELD)),
            last_received=Max("received_at"),
        )
    )
    seen = _last_seen(destination, since)
    found = [_issue(row, seen) for row in rows.order_by()]
    return sorted(found, key=lambda issue: (-issue.events, issue.code))


def issue(destination: Destination, code: str, since: datetime) -> Issue | None:
    """One of them; None where no event stands for it any more."""
    return next((found for found in issues(destination, since) if found.code == code), None)


def sample(destination: Destination, code: str, since: datetime, *, number: int) -> Sample | None:
    """The `number`-th of the newest ten events of an issue, from 1; the last one where there are fewer."""
    rows = _open(destination, since).filter(reason=code).select_related("destination").order_by("-id")
    some = list(rows.defer("sealed_body", "sealed_answer")[:MOST_SAMPLES])
    if not some:
        return None
    number = min(max(number, 1), len(some))
    row = some[number - 1]
    return Sample(number, len(some), row, tries_of(row))


def tries_of(delivery: Delivery) -> list[Attempt]:
    """Every failed try of the delivery, in order; found by the index of those, from when the event came in."""
    rows = Attempt.objects.filter(destination=delivery.destination_id, message_id=delivery.message_id).exclude(code="")
    return list(rows.filter(id__gte=first_id_at(delivery.received_at)).order_by("id"))


def _open(destination: Destination, since: datetime) -> Any:
    rows = Delivery.objects.filter(destination=destination, replay=None, status__in=OPEN, received_at__gte=since)
    # No row is older than its event, and the index is in the order of ids.
    return rows.filter(id__gte=first_id_at(since)).exclude(reason="")


def _issue(row: dict[str, Any], seen: dict[str, datetime]) -> Issue:
    waiting = row["events"] - row["dead"] - row["held"]
    last = max(row["last_received"], seen.get(row["reason"], row["last_received"]))
    return Issue(row["reason"], row["events"], row["dead"], row["held"], waiting, last)


def _last_seen(destination: Destination, since: datetime) -> dict[str, datetime]:
    rows = Attempt.objects.filter(destination=destination, id__gte=first_id_at(since)).exclude(code="")
    return dict(rows.values_list("code").annotate(last=Max("tried_at")).order_by())
