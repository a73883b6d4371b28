"""What a page of the audit log costs with each filter, the first and the thousandth, at ten million rows.

    .venv/bin/python tests/benchmarks/audit_list.py [rows]

With DATABASE_URL on PostgreSQL, in an empty database or one that this script has filled before; without it on SQLite in
a folder that goes away. The aim is 100 ms for each. Medians of seven, by the clock and in CPU time of this process and
the database's, which a busy machine moves less: of the query alone, and of the whole page with its row.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.audit_page import backend_of, cpu_seconds
from tests.benchmarks.audit_rows import FIRST, fill
from tests.benchmarks.common import own_data

ROWS, TURNS, AIM_MS = 10_000_000, 7, 100
WORKSPACE = uuid.UUID("01a215cc-8080-7291-a88a-a990eac7b722")
PAGES = 1_000
LOG = "/acme-health/settings/audit-log"


def filters() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each filter of the page, with values that many, few and no rows have."""
    half = FIRST + timedelta(days=1_000)
    yield "no filter", {}
    for name, *values in (
        ("actor_user_id", "user-7", "user-nobody"),
        ("actor_kind", "person", "support", "stranger"),
        ("event_type", "Source Viewed", "Source Modified", "Key Created"),
        ("outcome", "done", "denied", "failed"),
        ("object_id", "source-7", "source-none"),
        ("end_user_id", "patient-500", "patient-none"),
    ):
        for value in values:
            yield f"{name} {value}", {name: value}
    yield "changes only", {"changes_only": True}
    yield "until two years ago", {"until": half}
    yield "one month", {"since": half, "until": half + timedelta(days=30)}
    yield "actor and denied", {"actor_user_id": "user-7", "outcome": "denied"}
    yield "row or request id", {"id": str(uuid.UUID(int=1))}


def median_ms(action: Callable[[], object]) -> tuple[float, float]:
    """By the clock and in CPU time."""
    backend, taken = backend_of(), []
    for _ in range(TURNS):
        clock, cpu = time.perf_counter(), cpu_seconds(backend)
        action()
        taken.append((time.perf_counter() - clock, cpu_seconds(backend) - cpu))
    clocks, cpus = zip(*taken, strict=True)
    return statistics.median(clocks) * 1000, statistics.median(cpus) * 1000


def thousandth(asked: dict[str, Any]) -> uuid.UUID | None:
    """The id the thousandth page goes on from, or the last page before; None where there is one page."""
    from audit import queries

    rows = queries.matching(WORKSPACE, queries.Question(**asked)).values_list("id", flat=True)
    ends = list(rows[: (PAGES - 1) * queries.PAGE_ROWS])[queries.PAGE_ROWS - 1 :: queries.PAGE_ROWS]
    return ends[-1] if ends else None


def told(name: str, which: str, taken: tuple[float, float]) -> bool:
    """Print a line; whether it is over the aim in CPU time."""
    clock, cpu = taken
    print(
        f"  {name:28}{which:7}{clock:9.1f} ms {cpu:9.1f} ms CPU{'   over the aim' if cpu > AIM_MS else ''}", flush=True
    )
    return cpu > AIM_MS


def main(rows: int = ROWS) -> None:
    """Fill, measure, print."""
    with own_data():
        from django.conf import settings
        from django.db import connection
        from django.test import Client

        from audit import queries
        from audit.models import AuditRow
        from tests.factories import WorkspaceFactory, member
        from workspaces.models import Workspace

        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        if not AuditRow.objects.exists():
            fill(WORKSPACE, rows)
        Workspace.objects.filter(pk=WORKSPACE).delete()
        workspace = WorkspaceFactory(pk=WORKSPACE)
        client = Client(headers={"host": "localhost"})
        client.force_login(member(workspace, f"olivia-{uuid.uuid4().hex}", "owner"))
        print(f"{connection.vendor}, {AuditRow.objects.count():,} rows, load {os.getloadavg()[0]:.1f}; aim {AIM_MS} ms")
        over = 0
        for name, asked in filters():
            question = queries.Question(**asked)
            deep = thousandth(asked)
            over += told(name, "first", median_ms(lambda q=question: queries.page(WORKSPACE, q)))  # type: ignore[misc]
            if deep:
                ask = lambda q=question, deep=deep: queries.page(WORKSPACE, q, older_than=deep)  # noqa: E731
                over += told(name, "1000th", median_ms(ask))
        client.get(LOG)
        over += told("the whole page", "first", median_ms(lambda: client.get(LOG)))
        deep = thousandth({})
        over += told("the whole page", "1000th", median_ms(lambda: client.get(f"{LOG}?older={deep}")))
        print(f"  {over} over the aim")


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:2]))
