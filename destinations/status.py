"""What became of a destination's events, one by one: the latest tries, and what could not be delivered."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from django.db.models import QuerySet, Sum
from django.utils import timezone

from destinations.models import Attempt, Delivery, Destination

PAGE_SIZE = 50

SENTENCES = {
    "400": "The destination found the request malformed.",
    "401": "The destination did not accept the credentials in its settings.",
    "403": "The destination no longer permits these requests.",
    "404": "Nothing answers at the destination's address.",
    "408": "The destination took too long to read the request.",
    "429": "The destination asked us to send more slowly.",
    "5xx": "The destination reported an error of its own.",
    "INVALID_SETTINGS": "The destination's settings cannot be used. Check them on the Settings tab.",
    "MESSAGE_REJECTED": "The destination requires fields that the event does not have.",
    "ENOTFOUND": "The destination's host name could not be found.",
    "EAI_AGAIN": "The destination's host name could not be looked up in time.",
    "ECONNREFUSED": "The destination's server refused the connection.",
    "ECONNRESET": "The destination's server closed the connection.",
    "ECONNABORTED": "The connection to the destination broke off.",
    "EHOSTUNREACH": "The destination's server could not be reached.",
    "ETIMEDOUT": "The destination did not answer within its time limit.",
    "TLS_FAILED": "No secure connection could be made: the destination's certificate or TLS version was not accepted.",
    "DELETED_BY_REGULATION": "A deletion request removed the event before it was delivered.",
    "DESTINATION_DISABLED": "It was to be sent again, but the destination or its source stayed disabled for a day.",
    "FAILED_DATA_ENCRYPTION": "Encrypting a chosen field or delivering the encrypted values failed, so nothing was "
    "sent. Check that the destination accepts encrypted data in those fields.",
}
_CODE = re.compile(r"^errors\.(?:discarded|awaiting-retry)\.")

Row = TypeVar("Row", Attempt, Delivery)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows, newest first, and the id to ask for older ones with; None on the last page."""

    rows: Sequence[Row]
    older: uuid.UUID | None


def attempts(destination: Destination, *, before: uuid.UUID | None = None) -> Page[Attempt]:
    """The tries at the destination, 50 a page."""
    return _page(Attempt.objects.filter(destination=destination), before)


def undelivered(destination: Destination, *, before: uuid.UUID | None = None) -> Page[Delivery]:
    """Dead letters and held events, 50 a page; their bodies stay unread."""
    lost = Delivery.objects.filter(destination=destination, status__in=["dead", "held"], replay=None)
    return _page(lost.defer("sealed_body", "sealed_answer"), before)


def withheld(destination: Destination) -> int:
    """How many values were held back from the destination in the last seven days."""
    lately = destination.withheld_counts.filter(hour__gte=timezone.now() - timedelta(days=7))
    return lately.aggregate(all=Sum("count"))["all"] or 0


def _page(rows: QuerySet[Row], before: uuid.UUID | None) -> Page[Row]:
    found = list((rows.filter(id__lt=before) if before else rows).order_by("-id")[: PAGE_SIZE + 1])
    shown = found[:PAGE_SIZE]
    return Page(shown, shown[-1].pk if len(found) > PAGE_SIZE else None)


def explain(code: str) -> str:
    """A sentence for a discard or error code; the code itself where none is known."""
    short = _CODE.sub("", code)
    if short in SENTENCES:
        return SENTENCES[short]
    return f"The destination answered {short}." if short.isdigit() else short


def first_id_at(moment: datetime) -> uuid.UUID:
    """The smallest UUIDv7 of a millisecond: ids from then on are not below it (RFC 9562 section 5.7)."""
    milliseconds = int(moment.timestamp() * 1000)
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62)
