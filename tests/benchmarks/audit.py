"""What a download of the audit log costs, against the database's own copy of the same rows.

    .venv/bin/python tests/benchmarks/audit.py [rows]

With DATABASE_URL on PostgreSQL the tables are made in the empty database of that name; without it on SQLite in a folder
that goes away. The CSV is to come at half the rate of `COPY TO STDOUT` at least, as the same client reads it, and with
less than 150 MB of memory. Rates are by the clock, the best of three; shares of CPU time, which a busy machine moves
less, are of this process and of the database's. Rows in each file are counted and compared with what the log says.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.audit_page import backend_of, cpu_seconds
from tests.benchmarks.audit_rows import fill
from tests.benchmarks.common import own_data

ROWS, ROUNDS = 1_000_000, 3
LOG = "/acme-health/settings/audit-log"


def download(client: Any, form: str) -> int:
    """The whole file, thrown away; how many lines it has."""
    return sum(piece.count(b"\n") for piece in client.get(f"{LOG}.{form}").streaming_content)


def plain_copy(workspace: Any) -> int:
    """The database's own copy of the same rows, thrown away."""
    from django.db import connection

    statement = "COPY (SELECT * FROM audit_auditrow WHERE workspace_id = %s) TO STDOUT (FORMAT csv)"
    with connection.cursor() as cursor, cursor.copy(statement, [str(workspace.pk)]) as copy:
        return sum(1 for _ in copy)


def best(action: Callable[[], int]) -> tuple[float, float, int]:
    """Seconds by the clock and in CPU time, each the least of the rounds, and what the action gave."""
    backend, times = backend_of(), []
    for _ in range(ROUNDS):
        clock, cpu = time.perf_counter(), cpu_seconds(backend)
        given = action()
        times.append((time.perf_counter() - clock, cpu_seconds(backend) - cpu))
    return min(clock for clock, _ in times), min(cpu for _, cpu in times), given


def main(rows: int = ROWS) -> None:
    """Fill, measure, print."""
    with own_data():
        from django.conf import settings
        from django.db import connection
        from django.test import Client

        from audit.models import AuditRow
        from tests.factories import WorkspaceFactory, member

        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        workspace = WorkspaceFactory()
        client = Client(headers={"host": "localhost"})
        client.force_login(member(workspace, "olivia", "owner"))
        fill(workspace.pk, rows)
        print(f"{connection.vendor}, {rows:,} rows, load {os.getloadavg()[0]:.1f}")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        copy = best(lambda: plain_copy(workspace)) if connection.vendor == "postgresql" else None
        for form, heading in (("csv", 1), ("ndjson", 0)):
            clock, cpu, lines = best(lambda form=form: download(client, form))  # type: ignore[misc]
            told = AuditRow.objects.values_list("details__rows", flat=True)[0]
            against = f", of COPY by the clock {copy[0] / clock:.2f}, in CPU time {copy[1] / cpu:.2f}" if copy else ""
            print(f"  {form}: {rows / clock:,.0f} rows/s, {rows / cpu:,.0f} a CPU second{against}")
            assert lines - heading == told, f"{lines - heading} rows in the file, {told} in the database"
        print(f"  memory over before: {(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024:.0f} MB")


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:2]))
