"""What is asked of the audit log: pages of it, newest first, and all of it for a download, at constant cost a row."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.utils import timezone

from audit.event_ids import event_ids
from audit.ids import lowest_id_at, moment_of
from audit.models import USUAL, AuditRow
from audit.trail import CHANGES

if TYPE_CHECKING:
    from django.db.models import QuerySet

PAGE_ROWS = 100
CHUNK_ROWS = 5_000
ASKED_FIRST = timedelta(days=31)  # two partitions
# A row's id is drawn just before or after its timestamp; the exact time decides, ids only narrow the search.
CLOCK_SLACK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Question:
    """Which rows of a workspace are asked for; what is empty does not matter. `until` is exclusive."""

    since: datetime | None = None
    until: datetime | None = None
    actor_user_id: str = ""
    actor_kind: str = ""
    event_type: str = ""
    end_user_id: str = ""
    outcome: str = ""
    object_id: str = ""
    id: str = ""  # of a row, or of a request
    changes_only: bool = False

    def described(self) -> dict[str, str]:
        """The question as the audit log tells of a download; of an end user's id only that one was given."""
        told = {
            "since": self.since.isoformat() if self.since else "",
            "until": self.until.isoformat() if self.until else "",
            "actor_user_id": self.actor_user_id,
            "actor_kind": self.actor_kind,
            "event_type": self.event_type,
            "end_user_id": "given" if self.end_user_id else "",
            "outcome": self.outcome,
            "object_id": self.object_id,
            "id": self.id,
            "changes_only": "yes" if self.changes_only else "",
        }
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class Page:
    """Up to PAGE_ROWS rows, newest first, with the ids to go on from; None where there is nothing further."""

    rows: list[AuditRow]
    newer: uuid.UUID | None
    older: uuid.UUID | None


def matching(workspace_id: uuid.UUID, question: Question) -> QuerySet[AuditRow]:
    """The workspace's rows that answer the question, newest first."""
    rows: QuerySet[AuditRow] = AuditRow.objects.filter(workspace_id=str(workspace_id))
    for field in ("actor_user_id", "actor_kind", "event_type", "outcome", "object_id"):
        if value := getattr(question, field):
            rows = _holding(rows, field, value)
    if question.end_user_id:
        rows = _holding(rows, "end_user_id", _named(workspace_id, question.end_user_id))
    if question.id:
        rows = rows.filter(id__in=_ids_of(question.id))
    if question.changes_only:
        rows = rows.filter(event_type__in=CHANGES)
    if question.since:
        rows = rows.filter(timestamp__gte=question.since, id__gte=lowest_id_at(question.since - CLOCK_SLACK))
    if question.until:
        rows = rows.filter(timestamp__lt=question.until, id__lt=lowest_id_at(question.until + CLOCK_SLACK))
    return rows


def _holding(rows: QuerySet[AuditRow], field: str, value: str) -> QuerySet[AuditRow]:
    """The rows with that value, asked so that the index which leaves out the usual value is seen to answer."""
    usual = USUAL.get(field, value)
    rows = rows.filter(**{field: value})
    return rows if value == usual else rows.exclude(**{field: usual})


def _named(workspace_id: uuid.UUID, text: str) -> str:
    """The id as rows hold it: an end user's as it is, a messageId as its digest where one was recorded."""
    digests = event_ids(text, workspace_id=workspace_id)
    rows = AuditRow.objects.filter(workspace_id=str(workspace_id)).order_by()
    return next((digest for digest in digests if _holding(rows, "end_user_id", digest).exists()), text)


def _ids_of(text: str) -> list[uuid.UUID]:
    """The row of that id and those of the request of that id: found here, so that one index serves each."""
    try:
        wanted = uuid.UUID(text)
    except ValueError:
        return []
    return [wanted, *AuditRow.objects.filter(request_id=wanted.hex).order_by().values_list("id", flat=True)]


def page(
    workspace_id: uuid.UUID,
    question: Question,
    *,
    older_than: uuid.UUID | None = None,
    newer_than: uuid.UUID | None = None,
) -> Page:
    """One page, found by key: the ten-thousandth costs what the first does."""
    rows = matching(workspace_id, question)
    if newer_than:
        found = list(rows.filter(id__gt=newer_than).order_by("id")[: PAGE_ROWS + 1])
        shown = found[PAGE_ROWS - 1 :: -1] if len(found) > PAGE_ROWS else found[::-1]
        return Page(shown, newer=shown[0].pk if len(found) > PAGE_ROWS else None, older=shown[-1].pk if shown else None)
    found = _newest(rows, below=older_than)
    shown = found[:PAGE_ROWS]
    older = shown[-1].pk if len(found) > PAGE_ROWS else None
    return Page(shown, newer=shown[0].pk if older_than and shown else None, older=older)


def _newest(rows: QuerySet[AuditRow], *, below: uuid.UUID | None) -> list[AuditRow]:
    """One row more than a page holds, newest first.

    On PostgreSQL each month is a partition, and planning for those of six years takes longer than reading a page: the
    last months are asked first, the others only for what is missing then.
    """
    if below:
        rows = rows.filter(id__lt=below)
    if connection.vendor != "postgresql":
        return list(rows[: PAGE_ROWS + 1])
    edge = lowest_id_at((moment_of(below) if below else timezone.now()) - ASKED_FIRST)
    found = list(rows.filter(id__gte=edge)[: PAGE_ROWS + 1])
    missing = PAGE_ROWS + 1 - len(found)
    return found + list(rows.filter(id__lt=edge)[:missing]) if missing else found


def has_newer(workspace_id: uuid.UUID, question: Question, *, than: uuid.UUID, but_of: str) -> bool:
    """Whether a row came in after `than`, other than those that tell of the user `but_of` looking at pages."""
    rows = matching(workspace_id, question).filter(id__gt=than)
    return rows.exclude(actor_user_id=but_of, event_type__endswith="Viewed").exists()


def values_up_to(
    workspace_id: uuid.UUID, question: Question, *, last: uuid.UUID, fields: tuple[str, ...]
) -> Iterator[list[tuple[Any, ...]]]:
    """Raw values of the rows up to id `last`, newest first, in chunks found by key: memory stays the same at any size.

    `fields` starts with `id`. Each chunk is a short query of its own, so a slow download holds no transaction open.
    """
    rows = matching(workspace_id, question).values_list(*fields)
    chunk = list(rows.filter(id__lte=last)[:CHUNK_ROWS])
    while chunk:
        yield chunk
        chunk = list(rows.filter(id__lt=chunk[-1][0])[:CHUNK_ROWS])
