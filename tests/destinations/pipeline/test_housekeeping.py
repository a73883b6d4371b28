"""What is thrown away and what stays, by the workers every few minutes and by `manage.py purge` at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from audit.models import AuditRow
from destinations.delivery import ledger
from destinations.delivery.ledger import Job, Page
from destinations.models import Attempt, Delivery, DeliveryCount, Destination, Draft, PublicKey
from destinations.pipeline import housekeeping
from destinations.pipeline.housekeeping import Housekeeping, clean_up
from tests.destinations.factories import PAIR, DestinationFactory, append, encrypt_for, log_entry, track
from tests.destinations.pipeline.driving import Driven, outcomes
from workspaces.event_log import open_reader
from workspaces.event_log.base import EventLogReader
from workspaces.models import SeenMessage, Source, User, Workspace

OLD, YOUNG = timedelta(days=31), timedelta(days=29)


@pytest.fixture
def log(own_log: None) -> Iterator[EventLogReader]:
    opened = open_reader()
    yield opened
    opened.close()


@pytest.fixture
def hook(own_log: None, source: Source) -> Destination:
    return DestinationFactory(source=source)


def fill_log(source: Source, *ages: timedelta, settled: int) -> None:
    """One entry of each age, of which the first `settled` are settled."""
    append(*(log_entry(source, track(f"m{n}"), received=timezone.now() - age) for n, age in enumerate(ages)))
    ledger.save_positions({0: settled})


def positions(log: EventLogReader) -> list[int]:
    return [entry.position for entry in log.read(0, after=0, limit=99)]


def test_log_entries_past_their_retention_go(log: EventLogReader, source: Source) -> None:
    fill_log(source, OLD, OLD, YOUNG, settled=3)
    assert clean_up(log, [0])["log entries"] == 2
    assert positions(log) == [3]


def test_what_is_not_settled_stays_however_old(log: EventLogReader, source: Source) -> None:
    fill_log(source, OLD, OLD, OLD, settled=1)
    assert clean_up(log, [0])["log entries"] == 1
    assert positions(log) == [2, 3]


def test_the_retention_is_the_operators(log: EventLogReader, source: Source, settings: Any) -> None:
    settings.EVENT_RETENTION_DAYS = 28
    fill_log(source, OLD, YOUNG, timedelta(days=27), settled=3)
    assert clean_up(log, [0])["log entries"] == 2


def test_partitions_of_others_are_left_alone(log: EventLogReader, source: Source) -> None:
    fill_log(source, OLD, settled=1)
    assert clean_up(log, [])["log entries"] == 0
    assert positions(log) == [1]


def test_message_ids_are_remembered_for_48_hours(log: EventLogReader, worker: Driven, source: Source) -> None:
    append(log_entry(source, track("a")), log_entry(source, track("b")))
    worker.work_off()
    first = SeenMessage.objects.first()
    assert first is not None
    SeenMessage.objects.filter(pk=first.pk).update(seen_at=first.seen_at - 48 * 60 * 60 - 1)
    assert clean_up(log, [])["message ids"] == 1
    assert SeenMessage.objects.count() == 1


def put_down(destination: Destination, status: str, age: timedelta) -> Delivery:
    """A delivery of an event that came in that long ago, with its attempt and count."""
    received = timezone.now() - age
    job = Job(destination.pk, destination.workspace_id, "m-1", "track", received, b"{}", "", (0, 1, 0), attempts=1)
    page = Page()
    page.note_attempt(job, tried_at=received.timestamp(), duration_ms=1, status_code=500, code="e")
    next_try = timezone.now().timestamp() if status == "waiting" else None
    page.note_delivery(job, status, "e", next_try=next_try, answer=b"no")
    page.count(job, "e")
    ledger.write(page)
    return Delivery.objects.get(pk=job.delivery_id)


def test_bodies_of_what_has_ended_go_before_the_record(log: EventLogReader, hook: Destination) -> None:
    row = put_down(hook, "dead", OLD)
    assert clean_up(log, [])["bodies"] == 1
    row.refresh_from_db()
    assert (row.status, row.reason, bytes(row.sealed_body), bytes(row.sealed_answer)) == ("dead", "e", b"", b"")
    assert (Attempt.objects.count(), DeliveryCount.objects.count()) == (1, 1)
    assert clean_up(log, [])["bodies"] == 0


@pytest.mark.parametrize("status", ["dead", "waiting"])
def test_a_young_body_stays(log: EventLogReader, hook: Destination, status: str) -> None:
    before = put_down(hook, status, YOUNG)
    assert clean_up(log, [])["bodies"] == 0
    after = Delivery.objects.get()
    assert (after.status, after.next_try_at) == (status, before.next_try_at)
    assert ledger.open_body(after.pk, bytes(after.sealed_body)) == b"{}"
    assert ledger.open_answer(after.pk, bytes(after.sealed_answer)) == b"no"


def test_what_still_waits_past_the_retention_is_dead(log: EventLogReader, hook: Destination) -> None:
    row = put_down(hook, "waiting", OLD)
    DeliveryCount.objects.all().delete()  # it waits: no end of it is counted
    assert clean_up(log, [])["bodies"] == 1
    row.refresh_from_db()
    assert (row.status, row.reason, row.next_try_at, bytes(row.sealed_body)) == ("dead", "EVENT_EXPIRED", None, b"")
    assert outcomes(hook) == {"EVENT_EXPIRED": 1}
    clean_up(log, [])
    assert outcomes(hook) == {"EVENT_EXPIRED": 1}


def test_what_is_under_way_comes_to_its_own_end(log: EventLogReader, hook: Destination) -> None:
    row = put_down(hook, "waiting", OLD)
    Delivery.objects.update(claimed_until=timezone.now() + timedelta(seconds=30))
    assert clean_up(log, [])["bodies"] == 0
    row.refresh_from_db()
    assert (row.status, row.reason) == ("waiting", "e")


def test_what_is_held_stays_held(log: EventLogReader, hook: Destination) -> None:
    row = put_down(hook, "held", OLD)
    assert clean_up(log, [])["bodies"] == 0
    row.refresh_from_db()
    assert (row.status, row.reason) == ("held", "e")


def draft_of(workspace: Workspace, user: User, age: timedelta, *, with_key: bool = False) -> Draft:
    """A draft that was last touched that long ago."""
    key = None
    if with_key:
        key = PublicKey.objects.create(
            workspace=workspace, pem=PAIR.public_pem, fingerprint="AB", bits=2048, made_by=user
        )
    touched = timezone.now() - age
    return Draft.objects.create(workspace=workspace, user=user, kind="webhooks", touched_at=touched, pending_key=key)


def test_drafts_go_two_days_after_they_were_touched(log: EventLogReader, workspace: Workspace, alice: User) -> None:
    draft_of(workspace, alice, timedelta(hours=49))
    fresh = draft_of(workspace, alice, timedelta(hours=47))
    assert clean_up(log, [])["drafts"] == 1
    assert list(Draft.objects.all()) == [fresh]


def test_unused_keys_go_a_quarter_of_an_hour_after(log: EventLogReader, workspace: Workspace, alice: User) -> None:
    left = draft_of(workspace, alice, timedelta(minutes=16), with_key=True)
    used = draft_of(workspace, alice, timedelta(minutes=14), with_key=True)
    assert clean_up(log, [])["unused keys"] == 1
    left.refresh_from_db()
    assert left.pending_key is None
    assert list(PublicKey.objects.all()) == [used.pending_key]
    row = AuditRow.objects.get(event_type="Data Encryption Keys Discarded")
    assert (row.workspace_id, row.object_id, row.actor_user_id) == (str(workspace.pk), str(left.pk), "")
    assert row.details == {"fingerprint": "AB", "bits": 2048}


def test_keys_in_force_stay(log: EventLogReader, hook: Destination) -> None:
    encrypt_for(hook, "email")
    PublicKey.objects.update(made_at=timezone.now() - timedelta(days=400))
    clean_up(log, [])
    assert PublicKey.objects.get() == hook.public_key


def test_a_worker_cleans_up_soon_and_then_every_five_minutes(
    log: EventLogReader, workspace: Workspace, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(housekeeping.time, "monotonic", lambda: now[0])
    keeper = Housekeeping()
    left: list[int] = []
    for later in (0.0, 19.0, 1.0, 299.0, 1.0):
        draft_of(workspace, alice, timedelta(days=2))
        now[0] += later
        keeper.run(log, [])
        left.append(Draft.objects.count())
    assert left == [1, 2, 0, 1, 0]


def purge() -> dict[str, int]:
    """What `manage.py purge` says went."""
    out = StringIO()
    call_command("purge", stdout=out)
    lines = [line.split(": ") for line in out.getvalue().splitlines()]
    return {what: int(count) for what, count in lines}


def test_purge_does_it_all_at_once_and_says_how_much(source: Source, hook: Destination, alice: User) -> None:
    fill_log(source, OLD, YOUNG, settled=2)
    put_down(hook, "dead", OLD)
    draft_of(source.workspace, alice, OLD, with_key=True)
    assert purge() == {
        "log entries": 1,
        "names and samples": 1,
        "message ids": 0,
        "bodies": 1,
        "samples": 0,
        "field counts": 0,
        "fields": 0,
        "ids of old requests": 0,
        "old releases": 0,
        "unused keys": 1,
        "drafts": 1,
        "sessions": 0,
        "requests to send again": 0,
        "records of deliveries": 0,
    }
    assert purge() == {
        "log entries": 0,
        "names and samples": 0,
        "message ids": 0,
        "bodies": 0,
        "samples": 0,
        "field counts": 0,
        "fields": 0,
        "ids of old requests": 0,
        "old releases": 0,
        "unused keys": 0,
        "drafts": 0,
        "sessions": 0,
        "requests to send again": 0,
        "records of deliveries": 0,
    }


def test_purge_leaves_the_partitions_of_a_running_worker_to_it(
    log: EventLogReader, worker: Driven, source: Source
) -> None:
    fill_log(source, OLD, settled=0)
    worker.work_off()
    assert purge()["log entries"] == 0
    worker.close()
    assert purge()["log entries"] == 1


def test_purge_on_an_empty_installation(own_log: None) -> None:
    assert set(purge().values()) == {0}
