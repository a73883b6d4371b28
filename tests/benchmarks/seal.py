"""What sealing the audit log gets through: rows a second, from the table to leaves, chains and subtrees on disk.

Run from the repository root: `python tests/benchmarks/seal.py`, on SQLite or with DATABASE_URL. The aim: 5,000 rows/s.
Rows a CPU second count this process and the database's, which a busy machine moves less.
"""

from __future__ import annotations

import time

from audit_page import backend_of, cpu_seconds
from common import median_of, own_data

ROUNDS = 3
ROWS = 10_000
AIM = 5_000


def main() -> None:
    with own_data():
        rate, of_cpu, bare, share = median_of([_round() for _ in range(ROUNDS)])
    print(f"sealing {ROWS:,} rows, median of {ROUNDS} rounds; aim: {AIM:,} rows/s")
    print(f"sealed {rate:,.0f} rows/s, {of_cpu:,.0f} a CPU second; read and hashed {bare:,.0f}, ratio {share:.2f}")


def _round() -> tuple[float, float, float, float]:
    from audit.models import AuditRow
    from audit.proof import tree
    from audit.proof.verifier import leaf_hash

    facts = {"workspace_id": "w", "event_type": "Source Viewed", "actor_label": "a@example.com", "details": {"rows": 7}}
    rows = AuditRow.objects.bulk_create(AuditRow(**facts, request_id=str(n)) for n in range(ROWS))
    backend = backend_of()
    start, cpu = time.perf_counter(), cpu_seconds(backend)
    tree.seal_all(rows[0].pk)
    sealed, of_cpu = ROWS / (time.perf_counter() - start), ROWS / (cpu_seconds(backend) - cpu)
    start = time.perf_counter()
    for first in range(0, ROWS, tree.CHUNK_ROWS):
        lines = tree.lines_of(row.pk for row in rows[first : first + tree.CHUNK_ROWS])
        assert all(leaf_hash(line) for line in lines.values())
    bare = ROWS / (time.perf_counter() - start)
    return sealed, of_cpu, bare, sealed / bare


if __name__ == "__main__":
    main()
