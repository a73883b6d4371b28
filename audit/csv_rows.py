"""Rows of the log as CSV whose cells the database makes, several times as fast as Python: those of `export.cell`.

Each block is a query of its own that goes on by key, so a slow download holds no transaction open.
"""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import QuerySet

from audit.models import AuditRow

# Pieces that are handed on: hundreds of rows are joined at once, since each join of ten thousands of buffers is slow.
JOINED_ROWS = 500
# Tab, line feed, carriage return, "+", "-", "=" and "@", by number: the cheapest question a database answers.
_TEXT = """CASE WHEN {first}("{name}") IN (9, 10, 13, 43, 45, 61, 64) THEN '\'\'' || "{name}" ELSE "{name}" END"""
# What only we write and never starts so.
_OURS = (
    "workspace_id",
    "actor_user_id",
    "on_behalf_of",
    "event_type",
    "outcome",
    "route",
    "actor_kind",
    "object_type",
    "request_id",
    "address",
)
_POSTGRESQL = {
    "timestamp": """to_char("timestamp" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
    "details": "NULLIF(details, '{}')",
    "id": "id",
}
# Django keeps times there in UTC, without a fraction where it is zero, and ids as 32 hex digits.
_SQLITE = {
    "timestamp": """replace("timestamp", ' ', 'T') || iif(length("timestamp") = 19, '.000000Z', 'Z')""",
    "details": "NULLIF(details, '{}')",
    "id": " || '-' || ".join(
        f"substr(id, {at}, {length})" for at, length in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    ),
}


class Block(NamedTuple):
    """Some rows as CSV, how many there are and the id of the last."""

    pieces: list[bytes]
    rows: int
    last: uuid.UUID


def csv_blocks(
    rows: QuerySet[AuditRow], *, last: uuid.UUID, columns: Sequence[str], block_rows: int
) -> Iterator[Block]:
    """The rows up to id `last`, newest first, in pieces of whole lines; a block of them is held at a time."""
    make = _copied if connection.vendor == "postgresql" else _written
    asked = rows.filter(id__lte=last)
    while (block := make(asked[:block_rows], columns)) is not None:
        yield block
        if block.rows < block_rows:
            return
        asked = rows.filter(id__lt=block.last)


def _statement(rows: QuerySet[AuditRow], columns: Sequence[str]) -> tuple[str, tuple[Any, ...]]:
    inner, parameters = rows.query.sql_with_params()
    first, own = ("ascii", _POSTGRESQL) if connection.vendor == "postgresql" else ("unicode", _SQLITE)
    plain = {name: f'"{name}"' for name in _OURS}
    cells = [({**plain, **own}).get(name) or _TEXT.format(first=first, name=name) for name in columns]
    return f"SELECT {', '.join(cells)} FROM ({inner}) AS asked ORDER BY asked.id DESC", parameters  # noqa: S608  (names of ours)


def _copied(rows: QuerySet[AuditRow], columns: Sequence[str]) -> Block | None:
    """By PostgreSQL's COPY, which gives one row at a time."""
    statement, parameters = _statement(rows, columns)
    pieces, held, row = [], [], b""
    with connection.cursor() as cursor, cursor.copy(f"COPY ({statement}) TO STDOUT (FORMAT csv)", parameters) as copy:
        for row in copy:
            held.append(row)
            if len(held) == JOINED_ROWS:
                pieces.append(b"".join(held))
                held.clear()
    count = JOINED_ROWS * len(pieces) + len(held)
    if not count:
        return None
    (cells,) = csv.reader(io.StringIO(bytes(row).decode(), newline=""))
    return Block([*pieces, b"".join(held)], count, uuid.UUID(cells[columns.index("id")]))


def _written(rows: QuerySet[AuditRow], columns: Sequence[str]) -> Block | None:
    """By Python's writer from cells that SQLite made."""
    statement, parameters = _statement(rows, columns)
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found = cursor.fetchall()
    if not found:
        return None
    details = columns.index("details")
    if any(row[details] and "\\u" in row[details] for row in found):
        found = [(*row[:details], _readable(row[details]), *row[details + 1 :]) for row in found]
    text = io.StringIO()
    csv.writer(text).writerows(found)
    return Block([text.getvalue().encode()], len(found), uuid.UUID(found[-1][columns.index("id")]))


def _readable(details: str | None) -> str:
    """Details with their letters as they are: Django keeps all but ASCII escaped there."""
    return json.dumps(json.loads(details), ensure_ascii=False) if details else ""
