"""Rows of an audit log as pages write them, made inside the database: millions in minutes.

Ids are UUIDs of version 7, eighteen seconds apart: ten million rows are nearly six years. Triggers stand as always; the
table's further indexes are made again once the rows are in.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

FIRST = datetime(2020, 10, 1, tzinfo=UTC)
APART_MS = 18_000
# One row in so many is of this kind.
CHANGES, SUPPORT, OF_END_USER, DENIED = 20, 1_000, 500, 777
_COLUMNS = (
    "id, workspace_id, actor_user_id, actor_label, actor_kind, on_behalf_of, on_behalf_of_label, event_type,"
    " end_user_id, timestamp, object_type, object_id, object_label, details, outcome, request_id, route,"
    " address, user_agent"
)
_FACTS = f"""
 '{{workspace}}', 'user-' || (n % 50), 'person' || (n % 50) || '@example.com',
 CASE WHEN n % {SUPPORT} = 0 THEN 'support' ELSE 'person' END, '', '',
 CASE WHEN n % {CHANGES} = 0 THEN 'Source Modified' ELSE 'Source Viewed' END,
 CASE WHEN n % {OF_END_USER} = 0 THEN 'patient-' || (n % 5000) ELSE '' END,
 {{moment}}, 'Source', 'source-' || (n % 200), 'Patient portal', '{{{{}}}}',
 CASE WHEN n % {DENIED} = 0 THEN 'denied' ELSE 'done' END,
 {{time}} || {{random}}, 'source_overview', '203.0.113.7',
 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0'
"""
_DIALECT = {
    "postgresql": {
        "time": "lpad(to_hex({start} + n * {apart}), 12, '0')",
        "random": "substr(md5(n::text), 1, 20)",
        "id": "({time} || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' || substr(md5(n::text), 1, 15))::uuid",
        "moment": "to_timestamp(({start} + n * {apart}) / 1000.0)",
        "numbers": "generate_series({first}::bigint, {last}) AS n",
    },
    "sqlite": {
        "time": "printf('%012x', {start} + n * {apart})",
        "random": "lower(hex(randomblob(10)))",
        "id": "{time} || '7' || printf('%03x', n % 4096) || '8' || substr(lower(hex(randomblob(8))), 1, 15)",
        "moment": "strftime('%Y-%m-%d %H:%M:%f', ({start} + n * {apart}) / 1000.0, 'unixepoch')",
        "numbers": "numbers",
    },
}


def fill(workspace_id: object, rows: int) -> None:
    """Add that many rows to a workspace's log, in transactions of at most a million."""
    from django.db import connection

    dialect = _DIALECT[connection.vendor]
    told = {"start": int(FIRST.timestamp() * 1000), "apart": APART_MS, "workspace": str(workspace_id)}
    told["time"] = dialect["time"].format(**told)
    told |= {name: dialect[name].format(**told) for name in ("random", "id", "moment")}
    indexes = _taken_away()
    _make_months(rows)
    for first in range(1, rows + 1, 1_000_000):
        last = min(first + 999_999, rows)
        walk = f"WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})"
        numbers = dialect["numbers"].format(first=first, last=last)
        select = f"SELECT {told['id']}, {_FACTS.format(**told)} FROM {numbers}"
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO audit_auditrow ({_COLUMNS}) {walk if connection.vendor == 'sqlite' else ''} {select}"
            )
    with connection.cursor() as cursor:
        for statement in indexes:
            cursor.execute(statement)
        cursor.execute("ANALYZE audit_auditrow")


def _taken_away() -> list[str]:
    """Drop the table's indexes but its key; the statements that make them again."""
    from django.db import connection

    asked = {
        "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE indexname LIKE 'audit\\_by\\_%'",
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND name LIKE 'audit\\_by\\_%' ESCAPE '\\'",
    }
    with connection.cursor() as cursor:
        cursor.execute(asked[connection.vendor])
        found = cursor.fetchall()
        for name, _ in found:
            cursor.execute(f"DROP INDEX {name}")
    return [statement.replace(" ON ONLY ", " ON ") for _, statement in found]  # of the partitions too


def _make_months(rows: int) -> None:
    """On PostgreSQL, the partitions that the product would have made while the rows were written."""
    from django.db import connection

    from audit import partitions
    from audit.append_only import ROWS, partition_triggers, partitions_of

    month, there = FIRST, partitions_of(connection)
    while connection.vendor == "postgresql" and month <= FIRST + timedelta(milliseconds=APART_MS * rows):
        name, (first, end) = partitions.name(month), partitions.bounds(month)
        if name not in there:
            with connection.cursor() as cursor:
                cursor.execute(f"CREATE TABLE {name} PARTITION OF {ROWS} FOR VALUES FROM ('{first}') TO ('{end}')")
                for statement in partition_triggers(name):
                    cursor.execute(statement)
        month = partitions.following(month)
