"""What an audit row costs the page it tells of, on the product's ordinary pages.

    .venv/bin/python tests/benchmarks/audit_page.py [rounds]

On SQLite, or with DATABASE_URL in an empty database of PostgreSQL. Each page is asked for in turns with its row, with
the write alone switched off, and with auditing switched off whole (no transaction round the page either); on PostgreSQL
also with its row and `synchronous_commit` off, which the product never does: it shows what of the time is the disk's.
CPU time is that of this process and of the database's; the aim is 1.05 on PostgreSQL and 1.10 on SQLite.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.common import own_data

ROUNDS = 60
PAGES = ("sources", "sources/patient-portal/overview", "destinations", "privacy", "privacy/inventory")
WARM_UP = 5


def whole(_: str) -> Any:
    """The page as the product gives it."""
    return contextlib.nullcontext()


def without_write(_: str) -> Any:
    """The page in its transaction, but no row is made or written."""
    return mock.patch("audit.middleware.record", return_value=None)


def without_audit(url: str) -> Any:
    """The page as if its view were not audited."""
    from django.urls import resolve

    return mock.patch.object(resolve(url).func, "audit_event", None)


@contextlib.contextmanager
def without_disk(_: str) -> Iterator[None]:
    """The page with its row, and nobody waits for the disk."""
    from django.db import connection

    for value in ("off", "on"):
        with connection.cursor() as cursor:
            cursor.execute(f"SET synchronous_commit = {value}")
        if value == "off":
            yield


def backend_of() -> int | None:
    """The database's process that serves this one; None on SQLite."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return None
    connection.ensure_connection()
    return int(connection.connection.info.backend_pid)


def cpu_seconds(backend: int | None) -> float:
    """CPU time of this process and, where there is one, of the database's process that serves it (from /proc)."""
    told = int(Path(f"/proc/{backend}/schedstat").read_text().split()[0]) / 1e9 if backend else 0.0
    return time.process_time() + told


def measure(
    client: Any, url: str, ways: dict[str, Callable[[str], Any]], rounds: int
) -> dict[str, tuple[float, float]]:
    """Median seconds of each way, by the clock and in CPU time; the ways take turns."""
    backend = backend_of()
    told: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for turn in range(rounds + WARM_UP):
        for name, way in ways.items():
            with way(url):
                clock, cpu = time.perf_counter(), cpu_seconds(backend)
                assert client.get(url).status_code == 200, url
                taken = time.perf_counter() - clock, cpu_seconds(backend) - cpu
            if turn >= WARM_UP:
                told[name].append(taken)
    return {
        name: (statistics.median(clock for clock, _ in each), statistics.median(cpu for _, cpu in each))
        for name, each in told.items()
    }


def main(rounds: int = ROUNDS) -> None:
    """Make a workspace, ask for its pages, print."""
    with own_data():
        from django.conf import settings
        from django.db import connection
        from django.test import Client

        from tests.factories import SourceFactory, WorkspaceFactory, member

        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        workspace = WorkspaceFactory()
        SourceFactory(workspace=workspace, name="Patient Portal", slug="patient-portal")
        client = Client(headers={"host": "localhost"})
        client.force_login(member(workspace, "olivia", "owner"))
        ways = {"whole": whole, "write off": without_write, "audit off": without_audit}
        if connection.vendor == "postgresql":
            ways["disk off"] = without_disk
        print(f"{connection.vendor}, medians of {rounds} rounds, load {os.getloadavg()[0]:.1f}")
        print("  the page with its row against   the write switched off   auditing switched off")
        for page in PAGES:
            told = measure(client, f"/acme-health/{page}", ways, rounds)
            (clock, cpu), off, none = told["whole"], told["write off"], told["audit off"]
            disk = f", {(clock - told['disk off'][0]) * 1000:.2f} ms of it the disk's" if "disk off" in told else ""
            print(
                f"  {page:32}clock {clock / off[0]:.3f} CPU {cpu / off[1]:.3f}"
                f"   clock {clock / none[0]:.3f} CPU {cpu / none[1]:.3f}   {clock * 1000:.1f} ms{disk}"
            )


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:2]))
