"""Records of tries and deliveries go after the workspace's period; every number on a page stays what it was."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from audit.ids import new_id
from destinations.delivery import ledger
from destinations.delivery.ledger import Job, Page
from destinations.models import Attempt, Delivery, DeliveryCount, DeliveryLatency, Destination, Replay
from destinations.pipeline import forgetting
from destinations.pipeline.forgetting import OldRecords
from destinations.pipeline.housekeeping import Housekeeping
from destinations.reports.event_delivery import PERIODS, numbers
from destinations.reports.issues import issues
from destinations.reports.overview import overview
from destinations.resending.dead_letters import groups
from destinations.resending.replays import progress
from destinations.status import first_id_at
from privacy.models import RetentionRun
from privacy.retention import change_retention
from tests.destinations.factories import DestinationFactory
from tests.factories import SourceFactory, WorkspaceFactory
from tests.queries import counted
from workspaces.event_log import open_reader
from workspaces.models import Source, User, Workspace
from workspaces.spans import LONGEST, Span

LONG_AGO, LATELY = timedelta(days=31), timedelta(days=29)


@pytest.fixture
def hook(own_log: None, source: Source) -> Destination:
    return DestinationFactory(source=source)


def put_down(
    destination: Destination, status: str, age: timedelta, *, count: int = 1, replay: Replay | None = None
) -> None:
    """So many events that came in that long ago, each tried then, with the count of its end."""
    received, page = timezone.now() - age, Page()
    for number in range(count):
        name = f"{status}-{age.days}-{number}"
        job = Job(destination.pk, destination.workspace_id, name, "track", received, b"{}", "", (0, 1, 0), attempts=1)
        job.replay_id = replay.pk if replay else None
        code = "" if status == "delivered" else "errors.discarded.400"
        page.note_attempt(job, tried_at=received.timestamp(), duration_ms=1, status_code=400, code=code)
        page.note_delivery(job, status, code, next_try=received.timestamp())
        if status in {"delivered", "dead"}:
            page.count(job, "retried" if status == "delivered" else code)
    rows = [_aged(row, received) for row in page.deliveries]
    page.attempts, page.deliveries = [_aged(row, received) for row in page.attempts], rows
    ledger.write(page)
    Delivery.objects.filter(pk__in=[row[0] for row in rows]).update(replay=replay)


def _aged(row: tuple[Any, ...], at: datetime) -> tuple[Any, ...]:
    """A row with the id it would have been given then."""
    begin = first_id_at(at).int >> 62
    return (uuid.UUID(int=begin << 62 | new_id().int & (1 << 62) - 1), *row[1:])


def statuses(destination: Destination) -> list[str]:
    return sorted(Delivery.objects.filter(destination=destination).values_list("status", flat=True))


def replay_of(destination: Destination, user: User) -> Replay:
    now = timezone.now()
    return Replay.objects.create(
        workspace=destination.workspace, destination=destination, asked_by=user, since=now, until=now, state="finished"
    )


def pages(destination: Destination) -> list[object]:
    """Every number that pages show of the destination."""
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    return [
        *(numbers(destination, period()) for _, period in PERIODS.values()),
        overview(destination, Span("", "", now - LONGEST, now)),
        issues(destination, now - timedelta(days=7)),
        [(each.delivered, each.failed, each.waiting) for each in progress(destination)],
    ]


def test_what_ended_before_the_period_goes_and_what_waits_stays(hook: Destination) -> None:
    for status in ("delivered", "dead", "held", "waiting", "queued"):
        put_down(hook, status, LONG_AGO)
        put_down(hook, status, LATELY)
    assert OldRecords().remove_all() == 3 + 5  # deliveries, tries
    assert statuses(hook) == ["dead", "delivered", "held", "queued", "queued", "waiting", "waiting"]
    assert {name.split("-")[1] for name in Attempt.objects.values_list("message_id", flat=True)} == {"29"}
    assert OldRecords().remove_all() == 0


def test_it_is_on_record(hook: Destination, workspace: Workspace) -> None:
    put_down(hook, "delivered", LONG_AGO, count=3)
    OldRecords().remove_all()
    run = RetentionRun.objects.get()
    assert (run.workspace, run.day, run.days_kept, run.records) == (workspace, timezone.now().date(), 30, 6)
    OldRecords().remove_all()
    assert RetentionRun.objects.get().records == 6


def test_each_workspace_has_its_own_period(hook: Destination, workspace: Workspace, alice: User) -> None:
    change_retention(workspace, days=90, actor=alice)
    elsewhere = WorkspaceFactory(name="Umbrella", slug="umbrella")
    other = DestinationFactory(source=SourceFactory(workspace=elsewhere))
    for destination in (hook, other):
        put_down(destination, "delivered", LONG_AGO)
    put_down(hook, "dead", timedelta(days=91))
    assert OldRecords().remove_all() == 4
    assert (statuses(hook), statuses(other)) == (["delivered"], [])


def test_pages_keep_their_numbers_however_short_the_period(hook: Destination, alice: User, settings: Any) -> None:
    settings.EVENT_RETENTION_DAYS = 1
    replay = replay_of(hook, alice)
    for days in (1, 6, 13, 40):
        for status in ("delivered", "dead", "held", "waiting"):
            put_down(hook, status, timedelta(days=days, hours=1), count=2)
            put_down(hook, status, timedelta(days=days, hours=1), replay=replay)
    before = pages(hook)
    counts = list(DeliveryCount.objects.order_by("pk").values())
    latencies = list(DeliveryLatency.objects.order_by("pk").values())
    assert OldRecords().remove_all() == 3 * 3 + 4 * 3
    assert pages(hook) == before
    assert before[-1] == [(4, 8, 4)]
    assert counts == list(DeliveryCount.objects.order_by("pk").values())
    assert latencies == list(DeliveryLatency.objects.order_by("pk").values())
    replay.refresh_from_db()
    assert (replay.past_delivered, replay.past_failed) == (1, 2)


def test_the_list_of_undelivered_events_loses_what_can_be_sent_no_more(hook: Destination) -> None:
    put_down(hook, "dead", LONG_AGO, count=2)
    put_down(hook, "dead", LATELY)
    assert [group.count for group in groups(hook)] == [3]
    OldRecords().remove_all()
    assert [group.count for group in groups(hook)] == [1]


def test_a_worker_removes_a_chunk_between_its_turns(hook: Destination, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "CHUNK", 10)
    for each in ("FIRST_SECONDS", "EVERY_SECONDS"):
        monkeypatch.setattr(f"destinations.pipeline.housekeeping.{each}", 0.0)
    put_down(hook, "delivered", LONG_AGO, count=25)
    log, keeper, left = open_reader(), Housekeeping(), []
    for _ in range(4):
        keeper.run(log, [])
        left.append((Attempt.objects.count(), Delivery.objects.count()))
    log.close()
    assert left == [(15, 15), (5, 5), (0, 0), (0, 0)]
    assert RetentionRun.objects.get().records == 50


def test_a_destination_without_old_records_costs_four_looks(hook: Destination) -> None:
    put_down(hook, "delivered", LATELY, count=30)
    records = OldRecords()
    records.begin()
    with counted() as queries:
        assert records.remove_some() == 0
    assert len(queries) == 4


@pytest.mark.parametrize("model", [Attempt, Delivery])
def test_what_is_old_is_found_by_an_index(hook: Destination, model: type[Attempt | Delivery]) -> None:
    put_down(hook, "delivered", LATELY, count=300)
    put_down(DestinationFactory(source=hook.source), "delivered", LONG_AGO, count=300)  # of one that keeps them longer
    old = model._default_manager.filter(destination=hook, id__lt=first_id_at(timezone.now() - LONG_AGO))
    old = old.filter(status="delivered") if model is Delivery else old
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:  # pages that other tests' rows have left would count in its plan
            cursor.execute(f"VACUUM (FULL, ANALYZE) {model._meta.db_table}")
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        assert "by_destination" in old.order_by("id")[:2000].explain()
