"""Deliveries of end users who are deleted: what waits is not sent, and no payload of theirs is kept."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

from django.db.models import QuerySet

from destinations.delivery import ledger
from destinations.delivery.ledger import Page
from destinations.models import Delivery
from privacy.locking import lock_in_order

DELETED_BY_REGULATION = "DELETED_BY_REGULATION"  # the reason such a delivery ends with
CHUNK = 500


class Found(NamedTuple):
    """One event that was taken out of the log."""

    workspace_id: uuid.UUID
    log_place: tuple[int, int, int]  # partition, position, place
    message_id: str
    subject: bytes


def empty_deliveries(found: Sequence[Found]) -> Counter[tuple[uuid.UUID, bytes]]:
    """End these events' deliveries without a body, in the caller's transaction; how many, by workspace and subject.

    What waited is counted as discarded. A second call finds nothing: what has ended and holds nothing is left alone.
    """
    emptied: Counter[tuple[uuid.UUID, bytes]] = Counter()
    page = Page()
    lock_in_order(
        Delivery, chain.from_iterable(_ids(found[start : start + CHUNK]) for start in range(0, len(found), CHUNK))
    )
    for start in range(0, len(found), CHUNK):
        by_place = {each.log_place: each for each in found[start : start + CHUNK]}
        for row in _deliveries(list(by_place.values())):
            each = by_place.get((row.log_partition, row.log_position, row.log_place))
            if each is None or (row.status in _ENDED and not (row.sealed_body or row.sealed_answer)):
                continue
            if row.status in {Delivery.Status.WAITING, Delivery.Status.QUEUED} and row.replay_id is None:
                page.count_row(row, DELETED_BY_REGULATION)
            _end(row)
            emptied[each.workspace_id, each.subject] += 1
    ledger.write(page)
    return emptied


_ENDED = (Delivery.Status.DELIVERED, Delivery.Status.DEAD)


def _deliveries(found: Sequence[Found]) -> QuerySet[Delivery]:
    workspaces = {each.workspace_id for each in found}
    message_ids = {ledger.storable(each.message_id) for each in found}
    return Delivery.objects.filter(workspace_id__in=workspaces, message_id__in=message_ids)


def _ids(found: Sequence[Found]) -> QuerySet[Delivery, uuid.UUID]:
    return _deliveries(found).values_list("pk", flat=True)


def _end(row: Delivery) -> None:
    if row.status != Delivery.Status.DELIVERED:
        row.status, row.reason = Delivery.Status.DEAD, DELETED_BY_REGULATION
    row.next_try_at, row.sealed_body, row.sealed_answer = None, b"", b""
    row.save(update_fields=["status", "reason", "next_try_at", "sealed_body", "sealed_answer"])
