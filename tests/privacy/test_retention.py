"""Data Retention: who sets it, what the scheduled job then removes of whom, and what it leaves on record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.test import Client
from django.utils import timezone

from audit.models import AuditRow
from destinations.delivery import ledger
from destinations.models import DeliveryCount, DeliveryLatency, WithheldCount
from destinations.pipeline.housekeeping import clean_up
from privacy import retention
from privacy.blocked_counts import add_blocked
from privacy.inventory import classify_field
from privacy.models import (
    BlockedCount,
    Classification,
    FieldEvent,
    FieldHour,
    ObservedField,
    RetentionRun,
    RetentionSetting,
)
from privacy.retention import change_retention, days_kept
from privacy.scanning import store
from privacy.scanning.scan import Scanner, Sightings
from tests.destinations.factories import DestinationFactory, append, log_entry
from tests.factories import SourceFactory, WorkspaceFactory
from tests.privacy.observing import observe, track
from workspaces.event_log import open_reader
from workspaces.event_log.base import EventLogReader
from workspaces.models import EventCount, Source, User, Workspace
from workspaces.sealing import unseal

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def log(settings: Any, tmp_path: Path) -> Iterator[EventLogReader]:
    settings.EVENT_LOG_DIR = tmp_path / "events"
    opened = open_reader()
    yield opened
    opened.close()


@pytest.fixture
def another() -> Source:
    return SourceFactory(workspace=WorkspaceFactory(name="Umbrella", slug="umbrella"))


def fill(*entries: tuple[Source, int]) -> None:
    """One settled entry of each source, that many days old."""
    now = timezone.now()
    append(*(log_entry(source, track(), received=now - timedelta(days=age)) for source, age in entries))
    ledger.save_positions({0: len(entries)})


def left(log: EventLogReader) -> list[int]:
    return [entry.position for entry in log.read(0, after=0, limit=99)]


def test_each_workspace_keeps_its_own_time(
    log: EventLogReader, workspace: Workspace, source: Source, another: Source, alice: User
) -> None:
    change_retention(workspace, days=90, actor=alice)
    fill((source, 91), (source, 89), (another, 31), (another, 29))
    assert clean_up(log, [0])["log entries"] == 2
    assert left(log) == [2, 4]
    assert [(run.workspace_id, run.days_kept, run.entries) for run in RetentionRun.objects.order_by("days_kept")] == [
        (another.workspace_id, 30, 1),
        (workspace.pk, 90, 1),
    ]


def test_a_shorter_period_holds_for_what_is_there(
    log: EventLogReader, workspace: Workspace, source: Source, alice: User, settings: Any
) -> None:
    settings.EVENT_RETENTION_DAYS = 365
    fill((source, 31), (source, 29))
    assert clean_up(log, [0])["log entries"] == 0
    change_retention(workspace, days=30, actor=alice)
    assert clean_up(log, [0])["log entries"] == 1
    assert left(log) == [2]


def test_what_scans_noted_goes_and_the_day_adds_up(log: EventLogReader, source: Source) -> None:
    old = timezone.now() - timedelta(days=31)
    observe(source, track(plan="gold"), track("Long ago", plan="gold"), at=old)
    ObservedField.objects.update(sample_at=old)
    observe(source, track(plan="gold"))
    removed = clean_up(log, [])
    assert (removed["samples"], removed["field counts"], removed["fields"]) == (1, 2, 0)
    assert bytes(ObservedField.objects.get(name="plan").sealed_sample) == b""
    assert FieldHour.objects.count() == 1
    assert [each.event for each in FieldEvent.objects.all()] == ["Visit Booked"]
    clean_up(log, [])
    run = RetentionRun.objects.get()
    assert (run.samples, run.counts, run.fields, run.entries, run.bodies) == (1, 2, 0, 0, 0)
    assert run.day == timezone.now().date()


def test_fields_seen_no_more_go_unless_somebody_classified_them(
    log: EventLogReader, workspace: Workspace, source: Source, another: Source, alice: User
) -> None:
    change_retention(workspace, days=90, actor=alice)
    for at, days in ((source, 91), (another, 31)):
        observe(at, track(plan="gold", mood="calm"), at=timezone.now() - timedelta(days=days))
        observe(at, track(ward="north"), at=timezone.now() - timedelta(days=29))
    classify_field(workspace, name="plan", classification=Classification.RED, actor=alice)
    assert clean_up(log, [])["fields"] == 3
    left_over = ObservedField.objects.order_by("workspace__name", "name").values_list("workspace__name", "name")
    assert list(left_over) == [("Acme Health", "plan"), ("Acme Health", "ward"), ("Umbrella", "ward")]
    runs = RetentionRun.objects.order_by("days_kept").values_list("days_kept", "fields")
    assert list(runs) == [(30, 2), (90, 1)]


def test_many_fields_go_in_parts(log: EventLogReader, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "CHUNK", 2)
    observe(source, track(a=1, b=1, c=1, d=1, e=1), at=timezone.now() - timedelta(days=31))
    assert clean_up(log, [])["fields"] == 5
    assert not ObservedField.objects.exists()
    assert not FieldEvent.objects.exists()


class Remembering:
    """A worker's scan, whose memory lasts from one event to the next."""

    def __init__(self, source: Source) -> None:
        self.source, self.scanner = source, Scanner()

    def see(self, **properties: object) -> None:
        """One event, written."""
        now, sightings, event = timezone.now(), Sightings(), track(**properties)
        self.scanner.begin()
        look = self.scanner.look(self.source.pk, event, now.replace(minute=0, second=0, microsecond=0))
        assert look is not None
        sightings.keep_samples(self.source.pk, event, look.fields)
        sightings.count(look, now)
        with transaction.atomic():
            store.write(sightings)


def sampled(name: str) -> Any:
    """The properties of the event that is kept as the field's sample; None where none is."""
    row = ObservedField.objects.get(name=name)
    sealed = bytes(row.sealed_sample)
    return orjson.loads(unseal(sealed, bound_to=row.pk.bytes))["properties"] if sealed else None


def test_a_worker_that_remembers_a_field_that_went_makes_it_anew_with_a_sample(
    log: EventLogReader, source: Source, time_machine: Any
) -> None:
    worker = Remembering(source)
    worker.see(plan="gold")
    time_machine.move_to(timezone.now() + timedelta(days=31))
    assert clean_up(log, [])["fields"] == 1
    worker.see(plan="silver")
    assert (ObservedField.objects.get().name, FieldHour.objects.get().count) == ("plan", 1)
    assert sampled("plan") == {"plan": "silver"}


def test_a_field_whose_sample_went_while_it_is_being_seen_gets_another(
    log: EventLogReader, source: Source, time_machine: Any
) -> None:
    worker = Remembering(source)
    worker.see(plan="gold")
    worker.see(plan="silver")
    assert sampled("plan") == {"plan": "gold"}
    time_machine.move_to(timezone.now() + timedelta(days=31))
    worker.see(plan="bronze")
    assert (clean_up(log, [])["samples"], sampled("plan")) == (1, None)
    worker.see(plan="tin")
    assert sampled("plan") == {"plan": "tin"}
    worker.see(plan="lead")
    assert sampled("plan") == {"plan": "tin"}


def test_counts_of_fields_by_the_hour_go_after_a_month_however_long_the_period_is(
    log: EventLogReader, workspace: Workspace, source: Source, alice: User
) -> None:
    change_retention(workspace, days=365, actor=alice)
    for days in (32, 30):
        observe(source, track(f"Visit {days}", plan="gold"), at=timezone.now() - timedelta(days=days))
    assert clean_up(log, [])["field counts"] == 1
    assert FieldHour.objects.get().hour > timezone.now() - timedelta(days=31)
    assert sorted(each.event for each in FieldEvent.objects.all()) == ["Visit 30", "Visit 32"]
    assert RetentionRun.objects.get().counts == 1


def test_counts_of_events_and_deliveries_go_when_no_page_can_ask_for_them(
    log: EventLogReader, as_alice: Client, source: Source, another: Source
) -> None:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    told = {"event_type": "track", "count": 7}
    ages = (timedelta(days=105, hours=1), timedelta(days=104, hours=23), timedelta(0))
    for each in (source, another):
        destination = DestinationFactory(source=each, name=each.name)
        for age in ages:
            at = hour - age
            EventCount.objects.create(source=each, hour=at, outcome="received", **told)
            DeliveryCount.objects.create(destination=destination, hour=at, outcome="delivered", **told)
            DeliveryLatency.objects.create(destination=destination, hour=at, bucket=3, count=7)
            WithheldCount.objects.create(destination=destination, hour=at, count=7)
    assert clean_up(log, [])["field counts"] == 8
    for model in (EventCount, DeliveryCount, DeliveryLatency, WithheldCount):
        left_over = model.objects.order_by("hour").values_list("hour", flat=True)
        assert list(left_over) == [hour - ages[1], hour - ages[1], hour, hour]
    assert [run.counts for run in RetentionRun.objects.all()] == [4, 4]
    text = as_alice.get("/acme-health/privacy/settings/retention").content.decode()
    assert "those of events and deliveries are kept for 105 days whatever you choose" in text


def test_counts_of_blocked_values_go(log: EventLogReader, source: Source) -> None:
    now = timezone.now()
    add_blocked({(source.pk, now - timedelta(days=31), "mrn"): 3, (source.pk, now - timedelta(days=29), "mrn"): 4})
    assert clean_up(log, [])["field counts"] == 1
    assert BlockedCount.objects.get().count == 4


def test_the_audit_log_tells_once_of_a_day_on_which_something_went(
    log: EventLogReader, workspace: Workspace, source: Source, time_machine: Any
) -> None:
    fill((source, 31), (source, 29))
    first = timezone.now().replace(hour=12)
    for moment in (
        first,
        first + timedelta(minutes=5),
        first + timedelta(days=1),
        first + timedelta(days=1, minutes=5),
    ):
        time_machine.move_to(moment)
        clean_up(log, [0])
    row = AuditRow.objects.get(event_type="Data Retention Applied")
    assert (row.workspace_id, row.actor_user_id) == (str(workspace.pk), "")
    assert row.details == {
        "day": f"{first:%Y-%m-%d}",
        "days_kept": 30,
        "entries": 1,
        "records": 0,
        "bodies": 0,
        "samples": 0,
        "counts": 0,
        "fields": 0,
    }


def test_the_page_says_when_the_job_ran_last_and_when_it_is_overdue(
    log: EventLogReader, as_alice: Client, time_machine: Any
) -> None:
    page = "/acme-health/privacy/settings/retention"
    assert "The job has not run yet." in as_alice.get(page).content.decode()
    clean_up(log, [])
    assert "Last run" in (text := as_alice.get(page).content.decode())
    assert "has not run for more than 15 minutes" not in text
    RetentionRun.objects.update(last_run_at=timezone.now() - timedelta(minutes=16))
    assert "has not run for more than 15 minutes" in as_alice.get(page).content.decode()


def test_a_change_is_on_record_once(workspace: Workspace, alice: User) -> None:
    assert days_kept(workspace.pk) == 30
    assert [change_retention(workspace, days=365, actor=alice), change_retention(workspace, days=365, actor=alice)] == [
        True,
        False,
    ]
    assert days_kept(workspace.pk) == 365
    row = AuditRow.objects.get()
    assert (row.event_type, row.details) == ("Data Retention Modified", {"before": 30, "after": 365})


def test_nothing_else_is_a_period_and_only_owners_choose(workspace: Workspace, alice: User, bob: User) -> None:
    with pytest.raises(ValueError, match="31"):
        change_retention(workspace, days=31, actor=alice)
    with pytest.raises(PermissionDenied):
        change_retention(workspace, days=30, actor=bob)
    assert not RetentionSetting.objects.exists()
