"""The worker from the event log to acknowledged deliveries with their records, against bare RSA.

Run from the repository root: `python tests/benchmarks/worker.py`. Events per CPU second of the worker process over a
third of bare `public_key.encrypt` calls per CPU second, RSA-2048, three fields an event; the aim is 0.40. `single`:
each event came in a request of its own; `batches`: a hundred to a request.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from common import (
    bare_encrypts,
    cpu_of,
    dumps,
    event,
    median_of,
    openssl_public_ops,
    own_data,
    received,
    receiver,
    source_and_destination,
    wait_until,
    worker,
)

ROUNDS = 5
EVENTS = 6_000
BATCH = 100


def fill(source: Any, first: int, batch: int) -> None:
    """Put EVENTS events into the log as ingest does, `batch` to an entry."""
    from audit.ids import new_id
    from workspaces.event_log import open_writer
    from workspaces.tracking.envelope import Envelope, pack

    writer, entries = open_writer(), []
    for start in range(first, first + EVENTS, batch):
        events = [event(number) for number in range(start, start + batch)]
        body = dumps({"batch": events, "sentAt": "2026-01-15T09:30:00.120Z"} if batch > 1 else events[0])
        envelope = Envelope("batch" if batch > 1 else "track", False, "", [], 0, 0, body)
        facts = {"source_id": source.pk, "received_at": time.time_ns() // 1000, "events": batch}
        entries.append(pack(envelope, entry_id=new_id(), **facts))
    writer._write(entries)
    writer.close()


def measure(source: Any, pid: int, url: str, first: int, batch: int) -> tuple[float, float]:
    """Events per CPU second and per second."""
    os.kill(pid, signal.SIGSTOP)
    fill(source, first, batch)
    cpu, begin = cpu_of([pid]), time.monotonic()
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: received(url) >= first + EVENTS, every=0.02)
    wall = time.monotonic() - begin
    wait_until(lambda: recorded() >= first + EVENTS, every=0.05)
    return EVENTS / (cpu_of([pid]) - cpu), EVENTS / wall


def recorded() -> int:
    from destinations.models import Attempt

    return Attempt.objects.count()


def main() -> None:
    with own_data() as folder, receiver() as url:
        source, _ = source_and_destination(url)
        with worker() as pid:
            run(source, pid, url, folder)


def run(source: Any, pid: int, url: str, folder: Path) -> None:
    rows, first = [], 0
    for _ in range(ROUNDS):
        yardstick = bare_encrypts() / 3
        single, single_wall = measure(source, pid, url, first, 1)
        batches, batches_wall = measure(source, pid, url, first + EVENTS, BATCH)
        first += 2 * EVENTS
        rows.append((yardstick, single, single / yardstick, single_wall, batches, batches / yardstick, batches_wall))
    yardstick, single, single_ratio, single_wall, batches, batches_ratio, batches_wall = median_of(rows)
    print(f"worker, {EVENTS} events of {len(dumps(event(0)))} bytes, 3 fields, RSA-2048, median of {ROUNDS} rounds")
    print(f"a third of bare encrypts {yardstick:8,.0f} /CPU s")
    print(f"single                   {single:8,.0f} /CPU s   ratio {single_ratio:.2f}   {single_wall:8,.0f} /s")
    print(f"batches of {BATCH}           {batches:8,.0f} /CPU s   ratio {batches_ratio:.2f}   {batches_wall:8,.0f} /s")
    if speed := openssl_public_ops():
        print(f"single over a third of openssl speed rsa2048: {3 * single / speed:.2f}")


if __name__ == "__main__":
    main()
