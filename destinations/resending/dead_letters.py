"""What could not be delivered: listed by reason, and sent again when somebody asks for it.

An event that is sent again is read from the event log anew, so that it leaves as the destination is configured then:
filtered, and encrypted under the key in force. What was prepared before never leaves.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Max, QuerySet
from django.db.models.functions import TruncMinute

from audit.event_types import EventType
from audit.record import record
from destinations.delivery import ledger
from destinations.models import Delivery, Destination
from destinations.reports import outcomes
from workspaces.access import Right, require_right
from workspaces.models import User

ENDED = (Delivery.Status.DEAD, Delivery.Status.HELD)
# Nothing of these is to be sent any more.
FINAL = ("DELETED_BY_REGULATION", "EVENT_EXPIRED", "SUPPRESSED_USER")
CHUNK = 500
DISABLED = "Enable the destination and its source first: a disabled destination gets no events."


@dataclass(frozen=True, slots=True)
class Group:
    """The undelivered events of one reason."""

    code: str
    count: int
    last: datetime  # when the latest of them was received

    @property
    def title(self) -> str:
        """What the page calls the reason."""
        return outcomes.title(self.code)

    @property
    def action(self) -> str:
        """What to do before they are sent again."""
        return outcomes.action(self.code)

    @property
    def can_be_sent(self) -> bool:
        """Whether there is anything left to send."""
        return self.code not in FINAL


def undelivered(destination: Destination) -> QuerySet[Delivery]:
    """Dead letters and held events; those of replays stand with their replay."""
    return Delivery.objects.filter(destination=destination, status__in=ENDED, replay=None)


def groups(destination: Destination) -> list[Group]:
    """Them by reason, most frequent first; one query."""
    rows = undelivered(destination).values("reason").annotate(events=Count("id"), last=Max("received_at")).order_by()
    found = [Group(row["reason"], row["events"], row["last"]) for row in rows]
    return sorted(found, key=lambda group: (-group.count, group.code))


def can_be_sent(row: Delivery) -> bool:
    """Whether there is something left of an undelivered event that could be sent again."""
    return row.reason not in FINAL and row.log_position != ledger.NO_EVENT


def refusal_of(destination: Destination) -> str:
    """Why nothing can be sent again now; empty where it can. Documented: a disabled destination gets nothing."""
    return "" if destination.enabled and destination.source.enabled else DISABLED


@transaction.atomic
def send_again(
    destination: Destination, *, actor: User, ids: Sequence[uuid.UUID] | None = None, reason: str = ""
) -> int:
    """Have undelivered events sent once more: these, those of a reason, or all; how many there are.

    They leave the numbers of what failed and come to a new end. Raises ValidationError for a disabled destination.
    """
    require_right(actor, destination.workspace, Right.EDIT_DESTINATIONS, source=destination.source)
    destination = Destination.objects.select_for_update(of=("self",)).select_related("source").get(pk=destination.pk)
    if refusal := refusal_of(destination):
        raise ValidationError(refusal)
    rows = undelivered(destination).exclude(reason__in=FINAL).exclude(log_position=ledger.NO_EVENT)
    rows = rows.filter(reason=reason) if reason else rows
    rows = rows.filter(pk__in=ids) if ids is not None else rows
    # Their ids are drawn once: another worker could end one more of them between the two statements.
    wanted = list(rows.order_by("pk").select_for_update().values_list("pk", flat=True))
    count = sum(_queue(wanted[start : start + CHUNK]) for start in range(0, len(wanted), CHUNK))
    if count:
        record(
            EventType.DELIVERIES_RETRIED,
            actor=actor,
            workspace_id=destination.workspace_id,
            subject=destination,
            details={"events": count, "reason": reason or ("chosen" if ids is not None else "all")},
        )
    return count


def _queue(ids: Sequence[uuid.UUID]) -> int:
    rows = Delivery.objects.filter(pk__in=ids)
    minutes = rows.annotate(minute=TruncMinute("received_at", tzinfo=UTC)).values_list(
        "destination_id", "minute", "event_type", "reason", "event"
    )
    counted = minutes.annotate(events=Count("id")).order_by()
    ledger.take_back({(*key,): events for *key, events in counted})
    return rows.update(
        status=Delivery.Status.QUEUED,
        sealed_body=b"",
        sealed_answer=b"",
        first_tried_at=None,
        next_try_at=None,
        claimed_until=None,
    )


def waiting_to_be_prepared(destination: Destination) -> int:
    """How many were asked for and have not been read from the log yet."""
    return Delivery.objects.filter(destination=destination, status=Delivery.Status.QUEUED).count()
