"""The audit log as CSV (RFC 4180), streamed, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from audit.event_types import EventType
from audit.queries import Question, matching, values_up_to
from audit.record import Named, Person, record

# The documented five first, then what we add; each with the model's own name.
COLUMNS = (
    "workspace_id",
    "actor_user_id",
    "event_type",
    "end_user_id",
    "timestamp",
    "request_id",
    "outcome",
    "address",
    "user_agent",
    "actor_label",
    "object_type",
    "object_id",
    "object_label",
    "details",
    "route",
    "id",
)

# A spreadsheet runs a cell that starts so (OWASP, CSV injection); a leading apostrophe makes it text.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def start_export(workspace: Named, question: Question, *, actor: Person) -> Iterator[str]:
    """Record the download with its question and row count, then give the CSV in pieces.

    The file holds the rows that stood when the download began; the row that tells of the download itself is not among
    them. The caller has checked that `actor` may see the log.
    """
    with transaction.atomic():
        rows = matching(workspace.pk, question)
        last = rows.values_list("id", flat=True).first()
        count = rows.filter(id__lte=last).count() if last else 0
        details = {"filter": question.described(), "rows": count}
        record(
            EventType.HIPAA_AUDIT_LOG_EXPORTED,
            actor=actor,
            workspace_id=workspace.pk,
            subject=workspace,
            details=details,
        )
    return _pieces(workspace.pk, question, last)


def _pieces(workspace_id: uuid.UUID, question: Question, last: uuid.UUID | None) -> Iterator[str]:
    yield _lines([COLUMNS])
    if last:
        for chunk in values_up_to(workspace_id, question, last=last, fields=("id", *COLUMNS)):
            yield _lines([[cell(value) for value in row[1:]] for row in chunk])


def _lines(rows: Any) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def cell(value: object) -> str:
    """A value as a cell: times in UTC to the microsecond, details as JSON, formulas made harmless."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else ""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
