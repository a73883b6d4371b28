"""What partitions by month cost the audit log on PostgreSQL, against the same rows in one plain table.

    DATABASE_URL=postgres://... .venv/bin/python tests/benchmarks/partitions.py [rows]

Makes the tables in the empty database of that name and spreads the rows over 75 months, twice. Each figure is a median
of turns taken one after the other by both tables; ratios are partitions against the plain table, below 1 is quicker.
"""

from __future__ import annotations

import statistics
import sys
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.common import own_data

ROWS, TURNS, MONTHS = 1_000_000, 200, 75
PLAIN = "audit_plain"
FILL = """
    INSERT INTO {0} (id, workspace_id, actor_user_id, actor_label, actor_kind, on_behalf_of, on_behalf_of_label,
                     event_type, end_user_id, "timestamp", object_type, object_id, object_label, details, outcome,
                     request_id, route, user_agent)
    SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || substr(md5(n::text), 1, 20))::uuid,
           CASE WHEN n %% 5 = 0 THEN %s ELSE 'w' || n %% 50 END, 'user-' || n %% 50, 'person@example.com', 'person',
           '', '', CASE WHEN n %% 20 = 0 THEN 'Source Modified' ELSE 'Source Viewed' END, '', moment, 'Source',
           'source-' || n %% 200, 'Patient portal', '{{}}', 'done', md5(n::text), 'source_overview', 'Mozilla/5.0'
      FROM (SELECT n, now() - interval '75 months' * n / %s AS moment FROM generate_series(1, %s) AS n) AS drawn
"""


def fill(workspace_id: str, rows: int) -> None:
    """The months, a plain table with the same indexes, and the same rows in both."""
    from django.db import connection
    from django.utils import timezone

    from audit import partitions

    month = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for _ in range(MONTHS):
        month = (month - timedelta(days=1)).replace(day=1)
        partitions._try(partitions._make, month)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {PLAIN} (LIKE audit_auditrow INCLUDING ALL)")
        for table in ("audit_auditrow", PLAIN):
            cursor.execute(FILL.format(table), [workspace_id, rows, rows])
            cursor.execute(f"VACUUM ANALYZE {table}")


def compared(statements: list[tuple[str, Any]], turns: int = TURNS) -> tuple[float, float]:
    """Median milliseconds of statements on the partitions and on the plain table, in turns."""
    from django.db import connection

    times: dict[str, list[float]] = {"audit_auditrow": [], PLAIN: []}
    with connection.cursor() as cursor:
        for turn in range(turns):
            statement, values = statements[turn % len(statements)]
            for table, own in times.items():
                begin = time.perf_counter()
                cursor.execute(statement.replace("audit_auditrow", table), values)
                if cursor.description:
                    cursor.fetchall()
                own.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times["audit_auditrow"]), statistics.median(times[PLAIN])


def questions(workspace_id: uuid.UUID) -> dict[str, list[tuple[str, Any]]]:
    """What pages ask, as the product asks it."""
    from django.utils import timezone

    from audit.ids import lowest_id_at, moment_of
    from audit.models import AuditRow
    from audit.queries import ASKED_FIRST, PAGE_ROWS, Question, matching

    rows, own = matching(workspace_id, Question()), AuditRow.objects.filter(workspace_id=str(workspace_id))
    deep = rows.values_list("id", flat=True)[100_000:100_001].first() or rows.values_list("id", flat=True).last()
    some = list(own.order_by("id").values_list("id", "request_id")[::997][:50])
    modified, edge = Question(event_type="Source Modified"), lowest_id_at(timezone.now() - ASKED_FIRST)
    before = lowest_id_at(moment_of(deep) - ASKED_FIRST)
    end = PAGE_ROWS + 1
    asked = {
        "first page, asked of the last month": [rows.filter(id__gte=edge)[:end]],
        "first page of one event type": [matching(workspace_id, modified).filter(id__gte=edge)[:end]],
        "page behind 10,000 rows": [rows.filter(id__lt=deep, id__gte=before)[:end]],
        "older rows where the last month had too few": [rows.filter(id__lt=edge)[:end]],
        "page of nobody, in all months": [matching(workspace_id, Question(actor_user_id="nobody"))[:end]],
        "one row by its id": [AuditRow.objects.filter(pk=pk) for pk, _ in some],
        "rows of one request, in all": [AuditRow.objects.filter(request_id=request_id) for _, request_id in some],
    }
    return {name: [each.query.sql_with_params() for each in found] for name, found in asked.items()}


def inserts() -> list[tuple[str, Any]]:
    """Rows as pages write them, one a statement."""
    from audit.ids import new_id
    from audit.models import AuditRow

    fields = AuditRow._meta.concrete_fields
    names = ", ".join(f'"{field.column}"' for field in fields)
    statement = f"INSERT INTO audit_auditrow ({names}) VALUES ({', '.join(['%s'] * len(fields))})"
    found = []
    for number in range(TURNS):
        row = AuditRow(id=new_id(), workspace_id="w", actor_label="person@example.com", event_type="Source Viewed")
        row.request_id = f"{number:032x}"
        values = [str(value) if isinstance(value, uuid.UUID) else value for _, value in row.facts]
        found.append((statement, ["{}" if isinstance(value, dict) else value for value in values]))
    return found


def main(rows: int = ROWS) -> None:
    """Fill, measure, print."""
    with own_data():
        from django.db import connection

        if connection.vendor != "postgresql":
            raise SystemExit("Set DATABASE_URL to an empty PostgreSQL database: SQLite has one table.")
        from tests.factories import WorkspaceFactory

        workspace = WorkspaceFactory()
        fill(str(workspace.pk), rows)
        print(f"{rows:,} rows in {MONTHS} months and more, a fifth of one workspace")
        for name, statements in {**questions(workspace.pk), "insert of one row": inserts()}.items():
            ours, plain = compared(statements)
            print(f"  {name}: {ours:.2f} ms, {ours / plain:.2f} of the plain table's {plain:.2f} ms")


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:2]))
