"""The audit log as CSV (RFC 4180), safe to open in a spreadsheet, or as JSON lines; streamed at constant memory."""

from __future__ import annotations

import csv
import enum
import io
import json
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import orjson
from django.db import connection
from django.utils import timezone

from audit import queries
from audit.csv_rows import csv_blocks
from audit.event_types import EventType
from audit.ids import lowest_id_at
from audit.proof import checkpoints
from audit.proof.evidence import RECENT
from audit.proof.tree import alone, seal_all
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
    "actor_kind",
    "on_behalf_of",
    "on_behalf_of_label",
)

# A spreadsheet runs a cell that starts so (OWASP, CSV injection); a leading apostrophe makes it text.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_JSON = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z


class RowsMissing(RuntimeError):
    """Rows that were counted when a download began are not there any more."""


class Format(enum.StrEnum):
    """How the rows of a download are written."""

    CSV = "csv"
    NDJSON = "ndjson"


def start_export(
    workspace: Named,
    question: Question,
    *,
    actor: Person | None,
    form: Format = Format.CSV,
    after: uuid.UUID | None = None,
    reason: str = "",
) -> Iterator[str | bytes]:
    """Record the download with its question and row count, then give the file in pieces.

    The file holds the rows that stood when the download began, newest first; the row that tells of the download itself
    is not among them. What stands is sealed and signed first, as for an evidence pack, and no row of the log is purged
    meanwhile. One that broke off goes on behind its last whole row, whose id is `after`, without a heading. The caller
    has checked that `actor` may see the log; None is support staff at the command line.
    """
    recent = lowest_id_at(timezone.now() - RECENT)
    seal_all(recent)  # chunk by chunk, so that nobody waits for all of it
    with alone():
        seal_all(recent)
        checkpoints.make_checkpoint(str(workspace.pk))
        rows = matching(workspace.pk, question)
        rows = rows.filter(id__lt=after) if after else rows
        last = rows.values_list("id", flat=True).first()
        count = rows.filter(id__lte=last).count() if last else 0
        told = {"after": str(after) if after else "", "reason": reason}
        details = {"filter": question.described(), "rows": count, "format": form.value}
        record(
            EventType.HIPAA_AUDIT_LOG_EXPORTED,
            actor=actor,
            workspace_id=workspace.pk,
            subject=workspace,
            details={**details, **{name: text for name, text in told.items() if text}},
        )
    return _pieces(workspace.pk, question, last, form, headed=after is None, count=count)


def _pieces(
    workspace_id: uuid.UUID, question: Question, last: uuid.UUID | None, form: Format, *, headed: bool, count: int
) -> Iterator[str | bytes]:
    """Raises RowsMissing at the end of a file that is shorter than was recorded."""
    rows = matching(workspace_id, question)
    if form == Format.CSV and headed:
        heading = csv_lines([COLUMNS])
        yield heading.replace("\r\n", "\n") if connection.vendor == "postgresql" else heading  # as the rows that follow
    if last is None:
        return
    if form == Format.CSV:
        for block in csv_blocks(rows, last=last, columns=COLUMNS, block_rows=_block_rows()):
            count -= block.rows
            yield from block.pieces
    else:
        for chunk in values_up_to(workspace_id, question, last=last, fields=("id", *COLUMNS)):
            count -= len(chunk)
            yield json_lines(row[1:] for row in chunk)
    if count > 0:
        raise RowsMissing(f"{count} rows went while the file was made")


def _block_rows() -> int:
    """How many rows a query gives: more where the database hands out finished lines."""
    return queries.CHUNK_ROWS * (10 if connection.vendor == "postgresql" else 1)


def json_lines(rows: Iterable[Iterable[object]]) -> bytes:
    """Rows as JSON, one a line, under the names of the columns; what is not known is null or an empty string."""
    # strict=False costs less, and every row has as many values as there are columns.
    return b"".join(orjson.dumps(dict(zip(COLUMNS, row, strict=False)), option=_JSON) for row in rows)


def csv_lines(rows: Iterable[Iterable[object]]) -> str:
    """Rows as CSV text, every value made a safe cell. For any list that can be downloaded."""
    text = io.StringIO()
    csv.writer(text).writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()


def cell(value: object) -> str:
    """A value as a cell: times in UTC to the microsecond, details as JSON, formulas made harmless."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else ""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
