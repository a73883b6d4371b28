"""What is asked of the audit log: pages of it, newest first, and all of it for a download, at constant cost a row."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from audit.ids import lowest_id_at
from audit.models import AuditRow

if TYPE_CHECKING:
    from django.db.models import QuerySet

PAGE_ROWS = 100
CHUNK_ROWS = 5_000
# A row's id is drawn just before or after its timestamp; the exact time decides, ids only narrow the search.
CLOCK_SLACK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Question:
    """Which rows of a workspace are asked for; what is empty does not matter. `until` is exclusive."""

    since: datetime | None = None
    until: datetime | None = None
    actor_user_id: str = ""
    event_type: str = ""
    end_user_id: str = ""
    outcome: str = ""

    def described(self) -> dict[str, str]:
        """The question as the audit log tells of a download; of an end user's id only that one was given."""
        told = {
            "since": self.since.isoformat() if self.since else "",
            "until": self.until.isoformat() if self.until else "",
            "actor_user_id": self.actor_user_id,
            "event_type": self.event_type,
            "end_user_id": "given" if self.end_user_id else "",
            "outcome": self.outcome,
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
    equal = ("actor_user_id", "event_type", "end_user_id", "outcome")
    wanted = {field: value for field in equal if (value := getattr(question, field))}
    rows = AuditRow.objects.filter(workspace_id=str(workspace_id), **wanted)
    if question.since:
        rows = rows.filter(timestamp__gte=question.since, id__gte=lowest_id_at(question.since - CLOCK_SLACK))
    if question.until:
        rows = rows.filter(timestamp__lt=question.until, id__lt=lowest_id_at(question.until + CLOCK_SLACK))
    return rows


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
    found = list((rows.filter(id__lt=older_than) if older_than else rows)[: PAGE_ROWS + 1])
    shown = found[:PAGE_ROWS]
    older = shown[-1].pk if len(found) > PAGE_ROWS else None
    return Page(shown, newer=shown[0].pk if older_than and shown else None, older=older)


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
