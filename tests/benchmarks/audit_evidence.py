"""What an evidence pack of the audit log costs at a million rows: to make, in memory, and to check offline.

    .venv/bin/python tests/benchmarks/audit_evidence.py [rows]

On SQLite, or with DATABASE_URL in an empty database of PostgreSQL. Seconds are by the clock and in CPU time of this
process and the database's. The verifier runs as its own process on the file, as whoever checks it runs it.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.audit_page import backend_of, cpu_seconds
from tests.benchmarks.audit_rows import fill
from tests.benchmarks.common import own_data

ROWS = 1_000_000


def peak_mb() -> float:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def make(workspace: Any, actor: Any, path: Path) -> str:
    """Write a pack of the whole log; what it took."""
    from audit.proof.evidence import start_pack
    from audit.queries import Question

    backend = backend_of()
    clock, cpu = time.perf_counter(), cpu_seconds(backend)
    pieces = start_pack(workspace, Question(), actor=actor)
    with path.open("wb") as file:
        file.write(next(pieces))
        first = time.perf_counter() - clock
        file.writelines(pieces)
    took = f"{time.perf_counter() - clock:.1f} s, {cpu_seconds(backend) - cpu:.1f} s CPU"
    return f"{took}, first byte after {first:.1f} s, {path.stat().st_size / 1e6:.0f} MB"


# `getrusage` would count the memory of this process, which started it, as its peak too.
_WITH_PEAK = """
import re, runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


def check(path: Path, key: str) -> str:
    """Run the verifier that is in the pack; what it said and took."""
    with zipfile.ZipFile(path) as archive:
        verifier = Path(archive.extract("verify.py", path.parent))
    clock, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", _WITH_PEAK, str(verifier), str(path), "--key", key]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"{said[0]} ({time.perf_counter() - clock:.1f} s, {cpu:.1f} s CPU, {int(said[-1]) / 1024:.0f} MB)"


def main(rows: int = ROWS) -> None:
    """Fill, seal, make, check, print."""
    with own_data() as folder:
        from django.conf import settings
        from django.db import connection

        from audit.models import AuditRow
        from audit.proof import tree
        from audit.proof.checkpoints import published_keys
        from tests.factories import WorkspaceFactory, member

        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        workspace, path = WorkspaceFactory(), folder / "pack.zip"
        actor = member(workspace, "olivia", "owner")
        fill(workspace.pk, rows)
        print(f"{connection.vendor}, {rows:,} rows, load {os.getloadavg()[0]:.1f}", flush=True)
        backend = backend_of()
        clock, cpu = time.perf_counter(), cpu_seconds(backend)
        tree.seal_all(tree.START)
        rate, of_cpu = rows / (time.perf_counter() - clock), rows / (cpu_seconds(backend) - cpu)
        print(f"  sealed {rate:,.0f} rows/s, {of_cpu:,.0f} a CPU second", flush=True)
        before = peak_mb()
        print(f"  pack: {make(workspace, actor, path)}")
        print(f"  memory over before: {peak_mb() - before:.0f} MB")
        print(f"  verifier: {check(path, published_keys(str(workspace.pk))[0])}")
        with zipfile.ZipFile(path) as archive, archive.open("rows.ndjson") as lines:
            held, manifest = sum(1 for _ in lines), json.loads(archive.read("manifest.json"))
        stand = AuditRow.objects.filter(workspace_id=str(workspace.pk)).exclude(event_type__startswith="HIPAA").count()
        assert held == stand == manifest["rows"] == manifest["rows_in_database"], (held, stand, manifest)
        print(f"  {held:,} rows in the file, as in the database and in the manifest")


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:2]))
