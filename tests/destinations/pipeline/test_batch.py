"""From log entries to jobs and counts, exactly, before anything is sent."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from destinations.models import Destination, PublicKey
from destinations.pipeline.batch import Batch, prepare
from destinations.pipeline.plan import Plans
from privacy.scanning.scan import Scanner
from tests.destinations.factories import FINGERPRINT, DestinationFactory, encrypt_for, log_entry, opened, track
from tests.factories import SourceFactory
from workspaces.event_log.base import Entry, NewEntry
from workspaces.models import Source
from workspaces.sealing import SealError

pytestmark = pytest.mark.django_db

RECEIVED = datetime(2024, 1, 2, 3, 59, 59, 999999, tzinfo=UTC)
MINUTE = datetime(2024, 1, 2, 3, 59, tzinfo=UTC)


def stored(*entries: NewEntry, first: int = 1) -> list[Entry]:
    """The entries as a reader of partition 4 gives them."""
    return [
        Entry(4, position, new.entry_id, new.source_id, new.received_at, new.events, new.body)
        for position, new in enumerate(entries, first)
    ]


def prepared(*entries: Entry) -> tuple[Batch, list[Any]]:
    plans = Plans()
    plans.refresh()
    return prepare(entries, plans, Scanner())


def counted(batch: Batch) -> dict[tuple[str, str], int]:
    """Events of the one source by type and outcome."""
    assert {key[1] for key in batch.event_counts} <= {MINUTE}
    found: Counter[tuple[str, str]] = Counter()
    for (_, _, event_type, outcome, _), count in batch.event_counts.items():
        found[event_type, outcome] += count
    return dict(found)


def test_every_event_becomes_a_job_for_every_destination_of_its_source(source: Source) -> None:
    one, two = DestinationFactory(source=source), DestinationFactory(source=source)
    DestinationFactory(source=SourceFactory(workspace=source.workspace))
    entry = log_entry(source, track("a"), {**track("b"), "type": "page"}, received=RECEIVED)
    batch, jobs = prepared(*stored(entry))
    assert {(job.message_id, job.event_type, job.destination_id) for job in jobs} == {
        (name, kind, destination.pk) for name, kind in (("a", "track"), ("b", "page")) for destination in (one, two)
    }
    assert (batch.partition, batch.position, batch.open_jobs) == (4, 1, 4)
    assert counted(batch) == {("track", "received"): 1, ("page", "received"): 1}


def test_a_job_knows_where_its_event_stands(source: Source) -> None:
    destination = DestinationFactory(source=source)
    entries = stored(log_entry(source, track("a")), log_entry(source, track("b"), track("c"), received=RECEIVED))
    batch, (_, _, last) = prepared(*entries)
    assert (last.message_id, last.place, last.received_at) == ("c", (4, 2, 1), RECEIVED)
    assert (last.workspace_id, last.attempts, last.delivery_id) == (destination.workspace_id, 0, None)
    assert batch.position == 2


def test_a_body_is_the_whole_normalised_event(source: Source) -> None:
    DestinationFactory(source=source)
    _, (job,) = prepared(*stored(log_entry(source, track("a", properties={"n": 1}), received=RECEIVED)))
    body = orjson.loads(job.body)
    assert track("a", properties={"n": 1}).items() <= body.items()
    assert (body["receivedAt"], body["channel"], body["version"]) == ("2024-01-02T03:59:59.999Z", "server", 2)
    assert "writeKey" not in body


def test_a_source_without_destinations_is_counted_all_the_same(source: Source) -> None:
    batch, jobs = prepared(*stored(log_entry(source, track("a"), received=RECEIVED)))
    assert (jobs, batch.open_jobs, counted(batch)) == ([], 0, {("track", "received"): 1})


def test_a_repeated_message_id_is_counted_and_not_sent(source: Source) -> None:
    DestinationFactory(source=source)
    entries = [log_entry(source, track("a"), track("a"), received=RECEIVED), log_entry(source, track("a"))]
    batch, jobs = prepared(*stored(*entries))
    assert [job.place for job in jobs] == [(4, 1, 0)]
    assert sum(count for key, count in batch.event_counts.items() if key[3] == "duplicate") == 2


def test_two_sources_may_use_one_message_id(source: Source) -> None:
    other = SourceFactory(workspace=source.workspace)
    for each in (source, other):
        DestinationFactory(source=each)
    batch, jobs = prepared(*stored(log_entry(source, track("a")), log_entry(other, track("a"))))
    assert [job.place for job in jobs] == [(4, 1, 0), (4, 2, 0)]
    assert {(key[0], key[3]) for key in batch.event_counts} == {(source.pk, "received"), (other.pk, "received")}


def test_reading_an_entry_again_gives_the_same_jobs_and_counts(source: Source) -> None:
    DestinationFactory(source=source)
    entries = stored(log_entry(source, track("a"), track("a"), track("b"), received=RECEIVED))
    (before, first), (after, second) = prepared(*entries), prepared(*entries)
    assert [job.body for job in first] == [job.body for job in second]
    assert counted(before) == counted(after) == {("track", "received"): 2, ("track", "duplicate"): 1}


def test_what_ingest_discarded_is_counted_with_its_reason(source: Source) -> None:
    DestinationFactory(source=source)
    skip = [(0, "track", "no_user_id"), (2, "unknown", "bad_request")]
    entry = log_entry(source, track("x"), track("a"), {}, received=RECEIVED, skip=skip, surplus=2)
    batch, jobs = prepared(*stored(entry))
    assert [job.message_id for job in jobs] == ["a"]
    assert counted(batch) == {
        ("track", "no_user_id"): 1,
        ("unknown", "bad_request"): 3,
        ("track", "received"): 1,
    }


def test_a_filtered_event_is_counted_for_its_destination_alone(source: Source) -> None:
    one = DestinationFactory(source=source)
    entry = log_entry(source, track("a", integrations={"All": False}), track("b"), received=RECEIVED)
    batch, jobs = prepared(*stored(entry))
    assert [job.message_id for job in jobs] == ["b"]
    assert batch.page.counts == {(one.pk, MINUTE, "track", "FILTERED_BY_INTEGRATIONS_OBJECT", "Visit Booked"): 1}
    assert (batch.page.deliveries, batch.page.attempts) == ([], [])
    assert counted(batch) == {("track", "received"): 2}


def test_each_destination_gets_its_own_view_of_one_event(source: Source) -> None:
    clear, sealed = DestinationFactory(source=source), encrypt_for(DestinationFactory(source=source), "email")
    _, jobs = prepared(*stored(log_entry(source, track("a", properties={"email": "jo@example.com"}))))
    bodies = {job.destination_id: orjson.loads(job.body)["properties"]["email"] for job in jobs}
    assert bodies[clear.pk] == "jo@example.com"
    assert opened(bodies[sealed.pk]) == "jo@example.com"
    assert {job.destination_id: job.key_fingerprint for job in jobs} == {clear.pk: "", sealed.pk: FINGERPRINT}


def held_rows(batch: Batch) -> list[tuple[Any, ...]]:
    """Destination, message id, status, reason, attempts, body of every delivery in the page."""
    return [(row[2], row[3], row[6], row[7], row[8], row[13]) for row in batch.page.deliveries]


def test_what_cannot_be_encrypted_is_held_without_a_body(source: Source) -> None:
    sealed = encrypt_for(DestinationFactory(source=source), "email")
    bad = track("a", properties={"email": "lone \ud800"})
    batch, jobs = prepared(*stored(log_entry(source, bad, track("b"), received=RECEIVED)))
    assert [job.message_id for job in jobs] == ["b"]
    assert held_rows(batch) == [(sealed.pk, "a", "held", "FAILED_DATA_ENCRYPTION", 0, b"")]
    assert batch.page.counts == {(sealed.pk, MINUTE, "track", "FAILED_DATA_ENCRYPTION", "Visit Booked"): 1}


def test_with_an_unusable_key_every_event_is_held(source: Source) -> None:
    sealed = encrypt_for(DestinationFactory(source=source), "email")
    PublicKey.objects.update(pem="no key")
    batch, jobs = prepared(*stored(log_entry(source, track("a"), track("b", properties={"email": "x"}))))
    assert jobs == []
    assert [row[:4] for row in held_rows(batch)] == [
        (sealed.pk, name, "held", "FAILED_DATA_ENCRYPTION") for name in ("a", "b")
    ]


def test_an_entry_that_does_not_open_is_an_error_and_nothing_is_taken(source: Source) -> None:
    DestinationFactory(source=source)
    good, moved = stored(log_entry(source, track("a")), log_entry(source.workspace_id, track("b")))
    foreign = Entry(4, 2, moved.entry_id, source.pk, moved.received_at, moved.events, moved.body)
    with pytest.raises(SealError):
        prepared(good, foreign)
    _, jobs = prepared(good)
    assert [job.message_id for job in jobs] == ["a"]


def test_a_disabled_destination_has_no_jobs(source: Source) -> None:
    DestinationFactory(source=source, enabled=False)
    batch, jobs = prepared(*stored(log_entry(source, track("a"), received=RECEIVED)))
    assert (jobs, counted(batch)) == ([], {("track", "received"): 1})
    assert not Destination.objects.filter(enabled=True).exists()
