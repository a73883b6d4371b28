"""Retention: how long a workspace keeps what it stored, changed by owners, applied by the workers' scheduled job."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from audit.event_types import EventType
from audit.record import record
from privacy.models import BlockedCount, FieldEvent, FieldHour, ObservedField, RetentionRun, RetentionSetting
from privacy.rulebooks import note_lost_samples
from workspaces.access import Right, require_right
from workspaces.models import Source, User, Workspace

DAYS_SHOWN = 30
COUNTED = ("entries", "records", "bodies", "samples", "counts", "fields")  # fields of RetentionRun
OVERDUE = timedelta(minutes=15)  # workers run the job every five minutes
CHUNK = 500  # fields of one transaction
COUNTS = 5_000  # counts of one transaction
HOURS_KEPT = timedelta(days=31)  # counts of fields by hour, at most: no page looks back further than 30 days


@transaction.atomic
def change_retention(workspace: Workspace, *, days: int, actor: User) -> bool:
    """Keep what is stored for that many days, one of the documented periods; False where it was so already.

    Holds for what is there too: the next run of the job, within minutes, removes what is older, for good.
    """
    require_right(actor, workspace, Right.CLASSIFY_FIELDS)
    period, before = RetentionSetting.Period(days), days_kept(workspace.pk)
    kept = RetentionSetting.objects.filter(workspace=workspace).first()
    if kept is not None and kept.days == period:
        return False
    facts = {"days": period, "set_by": actor, "since": timezone.now()}
    RetentionSetting.objects.update_or_create(workspace=workspace, defaults=facts)
    details = {"before": before, "after": period.value}
    event_type = EventType.DATA_RETENTION_MODIFIED
    record(event_type, actor=actor, workspace_id=workspace.pk, subject=workspace, details=details)
    return True


def days_kept(workspace_id: uuid.UUID) -> int:
    """The workspace's period in days: its own, else the installation's."""
    own = RetentionSetting.objects.filter(pk=workspace_id).values_list("days", flat=True).first()
    return own or int(settings.EVENT_RETENTION_DAYS)


def cutoffs() -> dict[uuid.UUID, datetime]:
    """For each workspace the moment before which what came in is past its retention."""
    own = dict(RetentionSetting.objects.values_list("workspace_id", "days"))
    now, default = timezone.now(), int(settings.EVENT_RETENTION_DAYS)
    ids = Workspace.objects.values_list("pk", flat=True)
    return {pk: now - timedelta(days=own.get(pk) or default) for pk in ids}


def workspaces_of_sources() -> dict[uuid.UUID, uuid.UUID]:
    """Each source's workspace."""
    return dict(Source.objects.values_list("pk", "workspace_id"))


def forget_old_scans(workspace_id: uuid.UUID, before: datetime) -> dict[str, int]:
    """Remove what the workspace's scans and controls noted before then; how much of each.

    `samples`, `counts` (of a field by hour and by event, of blocked values) and `fields`: those nobody saw since and
    nobody classified. What is in the inventory stays. Counts by hour go after 31 days, however long the period is.
    """
    hours = max(before, timezone.now() - HOURS_KEPT)
    sources = list(Source.objects.filter(workspace_id=workspace_id).values_list("pk", flat=True))
    counts: tuple[QuerySet[Any], ...] = (
        FieldHour.objects.filter(field__workspace_id=workspace_id, hour__lt=hours).order_by("hour"),
        FieldEvent.objects.filter(source__in=sources, last_seen__lt=before).order_by("last_seen"),
        BlockedCount.objects.filter(source__in=sources, hour__lt=before).order_by("hour"),
    )
    unclassified = ObservedField.objects.filter(workspace_id=workspace_id, in_inventory__in=(False,))
    return {
        "samples": in_parts(_sampled(workspace_id, before), partial(_forget_samples, workspace_id)),
        "counts": forget_counts(*counts),
        "fields": in_parts(unclassified.filter(last_seen__lt=before).order_by("last_seen"), _remove),
    }


def forget_counts(*old: QuerySet[Any]) -> int:
    """Remove these counts, some at a time; how many."""
    return sum(in_parts(each, _remove, most=COUNTS) for each in old)


def _sampled(workspace_id: uuid.UUID, before: datetime) -> QuerySet[ObservedField]:
    return ObservedField.objects.filter(workspace_id=workspace_id, sample_at__lt=before).order_by("sample_at")


def in_parts(old: QuerySet[Any], forget: Callable[[QuerySet[Any]], object], *, most: int = 0) -> int:
    """Let `forget` have the rows some at a time; how many.

    What a worker is writing just now is left to the next run: who never waits is never in a circle of waiting.
    """
    done, most = 0, most or CHUNK
    while True:
        with transaction.atomic():
            locked = old.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)
            some = list(locked[:most])
            forget(old.model._default_manager.filter(pk__in=some))
        done += len(some)
        if len(some) < most:
            return done


def _remove(rows: QuerySet[Any]) -> None:
    rows.delete()


def _forget_samples(workspace_id: uuid.UUID, rows: QuerySet[ObservedField]) -> None:
    if forget_samples(rows):
        note_lost_samples(workspace_id)


def forget_samples(rows: QuerySet[ObservedField]) -> int:
    """Empty these fields' samples, in the caller's transaction; how many rows. The next events become new ones."""
    return rows.update(sealed_sample=b"", sample_source=None, sample_at=None, sample_subject=b"")


def runs_of(workspace: Workspace) -> QuerySet[RetentionRun]:
    """What the job did on each of the last days, newest first."""
    return RetentionRun.objects.filter(workspace=workspace)[:DAYS_SHOWN]


@transaction.atomic
def note_run(workspace_id: uuid.UUID, removed: Mapping[str, int]) -> None:
    """Add what a run removed (a count for each field of RetentionRun that has one) to the day's record."""
    now = timezone.now()
    facts = {"days_kept": days_kept(workspace_id), "last_run_at": now}
    run, is_first = RetentionRun.objects.get_or_create(workspace_id=workspace_id, day=now.date(), defaults=facts)
    if is_first:
        _record_last_day(run)
    added = {name: F(name) + count for name, count in removed.items() if count}
    RetentionRun.objects.filter(pk=run.pk).update(**facts, **added)


def is_overdue(runs: Sequence[RetentionRun]) -> bool:
    """Whether the job should have run since the first of these, the latest: no worker is running, then."""
    return bool(runs) and timezone.now() - runs[0].last_run_at > OVERDUE


def _record_last_day(today: RetentionRun) -> None:
    """One row of the audit log for each day on which something went, once the day is over."""
    before = RetentionRun.objects.filter(workspace_id=today.workspace_id, day__lt=today.day).first()
    counts = {name: getattr(before, name) for name in COUNTED} if before is not None else {}
    if before is not None and any(counts.values()):
        record(
            EventType.DATA_RETENTION_APPLIED,
            actor=None,
            workspace_id=today.workspace_id,
            label=f"{before.day:%Y-%m-%d}",
            details={"day": f"{before.day:%Y-%m-%d}", "days_kept": before.days_kept, **counts},
        )
