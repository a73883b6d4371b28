"""What 110,000 suppressed users cost the Tracking API: how long a request waits while the list is brought up to date.

Run from the repository root: `python tests/benchmarks/suppression.py [users]`. Times are of the wall clock, medians of
five: with an empty process (the list is read as a whole), after one more user is suppressed, after one is taken off
the list, and with nothing changed; each also as a part of the first, measured in the same run. The aim: at most half of
it for a list that is known and changes.
"""

from __future__ import annotations

import statistics
import sys
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from common import own_data

USERS = 110_000
ROUNDS = 5
AIM = 0.5


def main(users: int = USERS) -> None:
    """Fill the list, measure, print."""
    with own_data():
        from privacy import ingest_controls
        from privacy.models import Regulation
        from privacy.subjects import subject_digest
        from privacy.suppression import stop_suppressing
        from tests.factories import SourceFactory

        source = SourceFactory()
        workspace_id = source.workspace_id
        _fill(workspace_id, users)
        drawn = iter(range(10**6))

        def suppress_one() -> None:
            from privacy.suppression import suppress

            user_id = f"one-{next(drawn)}"
            suppress(workspace_id, {subject_digest(workspace_id, user_id): user_id}, Regulation.Type.SUPPRESS_ONLY)

        def release_one() -> None:
            suppress_one()
            ingest_controls.controls_of(workspace_id, source.pk)
            stop_suppressing(workspace_id, [subject_digest(workspace_id, f"one-{next(drawn) - 1}")])

        print(f"{users:,} suppressed users, until the API knows them, median of {ROUNDS}; aim {AIM:.0%} of the whole")
        whole = 0.0
        for name, change in (
            ("all of it", ingest_controls._suppressed.clear),
            ("one more", suppress_one),
            ("one less", release_one),
            ("unchanged", lambda: None),
        ):
            took = _median(change, lambda: ingest_controls.controls_of(workspace_id, source.pk))
            whole = whole or took
            print(f"  {name:10} {took:8.1f} ms {took / whole:7.1%}")


def _fill(workspace_id: Any, users: int) -> None:
    """Users who have been on the list for a day."""
    from audit.ids import lowest_id_at
    from privacy.models import Regulation, SubjectKey, SuppressedUser
    from privacy.subjects import subject_digest

    first = lowest_id_at(datetime.now(UTC) - timedelta(days=1)).int
    rows = (
        SuppressedUser(
            id=uuid.UUID(int=first + number),
            workspace_id=workspace_id,
            subject=subject_digest(workspace_id, f"user-{number}"),
            sealed_user_id=b"\0" * 64,
            regulation_type=Regulation.Type.SUPPRESS_ONLY,
            revision=1,
        )
        for number in range(users)
    )
    SuppressedUser.objects.bulk_create(rows, batch_size=5_000)
    SubjectKey.objects.filter(pk=workspace_id).update(suppressions=1)


def _median(change: Callable[[], object], asked: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        change()
        begin = time.perf_counter()
        asked()
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:2]))
