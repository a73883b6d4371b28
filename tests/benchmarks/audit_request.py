"""What an audit row costs a request: the product's own server over HTTP, the demo's workspace, by the visitor's clock.

    .venv/bin/python tests/benchmarks/audit_request.py [rounds]

On SQLite, or with DATABASE_URL in an empty database of PostgreSQL. Each page is asked for in turns with its row and
with the write switched off (no row is made or written; the transaction stays), one request at a time, so that each
commit waits for the disk alone. The aim is 1.05 on PostgreSQL and 1.10 on SQLite. `audit_page.py` shows the same
without HTTP on an empty workspace, where a page costs least and a row the more.
"""

from __future__ import annotations

import http.client
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.common import own_data

ROUNDS, WARM_UP = 100, 5
PAGES = (
    "sources",
    "sources/clinic-server/overview",
    "sources/clinic-server/debugger",
    "destinations",
    "privacy",
    "privacy/inbox",
    "privacy/inventory",
    "privacy/detection",
    "settings/audit-log",
)


def milliseconds(connection: http.client.HTTPConnection, path: str, cookie: str, row: str) -> float:
    """How long one request takes, from its first byte to the answer's last."""
    begin = time.perf_counter()
    connection.request("GET", path, headers={"Cookie": cookie, "X-Row": row})
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, (path, answer.status)
    return (time.perf_counter() - begin) * 1000


def measure(connection: http.client.HTTPConnection, path: str, cookie: str, rounds: int) -> tuple[float, float]:
    """Median milliseconds with the row and with the write switched off; they take turns."""
    told: dict[str, list[float]] = {"on": [], "off": []}
    for turn in range(rounds + WARM_UP):
        for row in told if turn % 2 else reversed(told):
            taken = milliseconds(connection, path, cookie, row)
            if turn >= WARM_UP:
                told[row].append(taken)
    return statistics.median(told["on"]), statistics.median(told["off"])


def main(rounds: int = ROUNDS) -> None:
    """Make the demo's workspace, serve it, ask for its pages, print."""
    with own_data() as folder:
        from django.conf import settings
        from django.db import connection as database
        from django.test import Client

        from audit.models import AuditRow
        from segment_app.demo import EMAIL, SLUG, ensure_demo
        from tests.destinations.pipeline.driving import Driven
        from tests.servers import run_server
        from workspaces.models import User

        ensure_demo()
        worker = Driven()
        worker.work_off()
        worker.close()
        client = Client(headers={"host": "localhost"})
        client.force_login(User.objects.get(email=EMAIL))
        name = settings.SESSION_COOKIE_NAME
        cookie = f"{name}={client.cookies[name].value}"
        with run_server(folder, threads=1, application="tests.benchmarks.switched:application") as server:
            print(f"{database.vendor}, {rounds} rounds, load {os.getloadavg()[0]:.1f}")
            asking = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            before, sums = AuditRow.objects.count(), [0.0, 0.0]
            for page in PAGES:
                told = measure(asking, f"/{SLUG}/{page}", cookie, rounds)
                sums = [total + each for total, each in zip(sums, told, strict=True)]
                print(f"  {page:32}{told[0]:6.2f} ms with its row {told[1]:6.2f} ms without   {told[0] / told[1]:.3f}")
            print(f"  {'all of them':32}{sums[0]:6.2f} ms{'':14}{sums[1]:6.2f} ms           {sums[0] / sums[1]:.3f}")
            written = AuditRow.objects.count() - before
            assert written == len(PAGES) * (rounds + WARM_UP), f"{written} rows"


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:2]))
