"""Durable ingest: single events against a Django view that stores nothing, and batches of a hundred.

Run from the repository root: `python tests/benchmarks/ingest.py`. Both sides run on the same granian with one worker
process; requests per CPU second of that process, alternating rounds in one run, medians. The aims: single events 1.7
times the view's rate; batches 100,000 events a second.
"""

from __future__ import annotations

import base64
import itertools
from typing import Any

import load
from common import children, cpu_of, dumps, event, granian, median_of, own_data, source_and_destination

ROUNDS = 5
SINGLE, BATCHES, BATCH = 6_000, 300, 100
_numbers = itertools.count()


def fresh(count: int) -> list[dict[str, Any]]:
    """Events whose ids were not used before."""
    return [event(number) for number in itertools.islice(_numbers, count)]


def rates(url: str, pid: int, requests: list[bytes], connections: int = 16) -> tuple[float, float]:
    """Requests per CPU second of the server and per second."""
    before = cpu_of(children(pid))
    seconds = load.run(url, requests, connections)
    return len(requests) / (cpu_of(children(pid)) - before), len(requests) / seconds


def main() -> None:
    with own_data():
        source, key = source_and_destination("")
        authorization = "Authorization: Basic " + base64.b64encode(f"{key}:".encode()).decode()
        with (
            granian("segment_app.wsgi:application") as (ingest, ingest_pid),
            granian("tests.benchmarks.plain_view:application") as (plain, plain_pid),
        ):
            rows = []
            for _ in range(ROUNDS):
                view = [load.request("/plain", dumps(each), authorization) for each in fresh(SINGLE // 3)]
                single = [load.request("/v1/track", dumps(each), authorization) for each in fresh(SINGLE)]
                batches = [
                    load.request("/v1/batch", dumps({"batch": fresh(BATCH), "writeKey": key})) for _ in range(BATCHES)
                ]
                view_cpu, view_wall = rates(plain, plain_pid, view)
                single_cpu, single_wall = rates(ingest, ingest_pid, single)
                batch_cpu, batch_wall = rates(ingest, ingest_pid, batches)
                ratios = (single_cpu / view_cpu, single_wall / view_wall)
                rates_of_batches = (batch_cpu * BATCH, batch_wall * BATCH)
                rows.append((view_cpu, view_wall, single_cpu, single_wall, *ratios, *rates_of_batches))
            stored = count(source)
    view_cpu, view_wall, single_cpu, single_wall, ratio, wall_ratio, batch_cpu, batch_wall = median_of(rows)
    sent = ROUNDS * (SINGLE + BATCHES * BATCH)
    print(f"durable ingest, {stored} of {sent} events in the log, median of {ROUNDS} rounds, 16 connections")
    print(f"Django view, stores nothing   {view_cpu:8,.0f} /CPU s   {view_wall:8,.0f} /s")
    print(f"single events, durable        {single_cpu:8,.0f} /CPU s   {single_wall:8,.0f} /s   ", end="")
    print(f"ratio {ratio:.2f} by CPU, {wall_ratio:.2f} by the clock")
    print(f"batches of {BATCH}, durable       {batch_cpu:8,.0f} events/CPU s   {batch_wall:8,.0f} events/s")
    if stored != sent:
        raise SystemExit("events are missing")


def count(source: Any) -> int:
    """How many events the log holds."""
    from workspaces.event_log import open_reader

    log, found = open_reader(), 0
    for partition in log.partitions():
        after = 0
        while entries := log.read(partition, after=after, limit=5_000):
            found += sum(entry.events for entry in entries if entry.source_id == source.pk)
            after = entries[-1].position
    return found


if __name__ == "__main__":
    main()
