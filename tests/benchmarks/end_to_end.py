"""The whole way: accepted by the Tracking API, three fields encrypted, taken by a local HTTP receiver.

Run from the repository root: `python tests/benchmarks/end_to_end.py`. One web process, one worker, single events over
16 connections; load generator and receiver share the machine. Events per second from the first request to the last
event at the receiver, median of the rounds; the aim is 3,000.
"""

from __future__ import annotations

import base64
import time

import load
from common import (
    children,
    cpu_of,
    dumps,
    event,
    granian,
    median_of,
    own_data,
    received,
    receiver,
    source_and_destination,
    wait_until,
    worker,
)

ROUNDS = 5
EVENTS = 10_000


def main() -> None:
    with own_data(), receiver() as url:
        _, key = source_and_destination(url)
        with granian("segment_app.wsgi:application") as (ingest, web_pid), worker() as worker_pid:
            authorization = "Authorization: Basic " + base64.b64encode(f"{key}:".encode()).decode()
            pids, rows = [*children(web_pid), worker_pid], []
            for done in range(0, ROUNDS * EVENTS, EVENTS):
                events = [event(number) for number in range(done, done + EVENTS)]
                requests = [load.request("/v1/track", dumps(each), authorization) for each in events]
                cpu, begin = cpu_of(pids), time.monotonic()
                accepted = load.run(ingest, requests)
                wait_until(lambda done=done: received(url) >= done + EVENTS)
                rows.append((EVENTS / (time.monotonic() - begin), EVENTS / accepted, (cpu_of(pids) - cpu) / EVENTS))
            if (arrived := received(url)) != ROUNDS * EVENTS:
                raise SystemExit(f"{arrived} events arrived of {ROUNDS * EVENTS}")
    through, accepted, cpu = median_of(rows)
    print(f"end to end, {EVENTS} events of {len(dumps(event(0)))} bytes, 3 fields, RSA-2048, median of {ROUNDS} rounds")
    print(f"accepted {accepted:,.0f} /s, at the receiver {through:,.0f} /s")
    print(f"{cpu * 1e6:.0f} CPU us an event of web and worker process")


if __name__ == "__main__":
    main()
