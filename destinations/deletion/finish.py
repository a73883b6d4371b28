"""The end of a sweep: samples of the deleted users go, and the report of our own stores is complete."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict

from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone

from audit.event_types import EventType
from audit.record import record
from destinations.deletion.sweep import DELIVERIES, EVENT_LOG, PLACES, SAMPLES
from privacy.locking import lock_in_order
from privacy.models import ObservedField, Regulation, RegulationStep, Sweep, SweepPart
from privacy.regulations import FORWARDS, Status
from privacy.retention import forget_samples
from privacy.rulebooks import note_lost_samples

CHUNK = 500


def finish(sweep: Sweep) -> bool:
    """Close the sweep if every partition is searched; whether this call did."""
    if SweepPart.objects.filter(sweep=sweep, position__lt=F("target")).exists():
        return False
    with transaction.atomic():
        now = timezone.now()
        if not Sweep.objects.filter(pk=sweep.pk, finished_at=None).update(finished_at=now):
            return False  # another worker was first
        _forget_samples(sweep)
        _complete_steps(sweep)
        _record(sweep)
        done = Status.PARTIAL_SUCCESS if _unreadable(sweep) else Status.FINISHED
        ends_here = Regulation.objects.filter(sweep=sweep).exclude(type__in=FORWARDS)
        ends_here.update(status=done, completed_at=now)
    return True


def _forget_samples(sweep: Sweep) -> None:
    """A field whose sample went gets another with the next event that holds it."""
    subjects: defaultdict[uuid.UUID, list[bytes]] = defaultdict(list)
    for workspace_id, subject in Regulation.objects.filter(sweep=sweep).values_list("workspace_id", "subject"):
        subjects[workspace_id].append(bytes(subject))
    for workspace_id, asked in subjects.items():
        for start in range(0, len(asked), CHUNK):
            _forget_some(sweep, workspace_id, asked[start : start + CHUNK])


def _forget_some(sweep: Sweep, workspace_id: uuid.UUID, subjects: list[bytes]) -> None:
    theirs = ObservedField.objects.filter(workspace_id=workspace_id, sample_subject__in=subjects)
    found = dict(theirs.values_list("pk", "sample_subject"))
    removed = Counter(bytes(subject) for subject in found.values())
    if not removed:
        return
    lock_in_order(ObservedField, found)
    forget_samples(theirs)
    note_lost_samples(workspace_id)
    for subject, count in removed.items():
        steps = RegulationStep.objects.filter(
            regulation__sweep=sweep, regulation__workspace_id=workspace_id, regulation__subject=subject, place=SAMPLES
        )
        steps.update(removed=count)


def _complete_steps(sweep: Sweep) -> None:
    steps = RegulationStep.objects.filter(regulation__sweep=sweep, place__in=PLACES)
    steps.update(status=Status.FINISHED, completed_at=timezone.now())
    if unreadable := _unreadable(sweep):
        detail = f"{unreadable} requests could not be opened and were not searched: a key is missing."
        steps.filter(place=EVENT_LOG).update(status=Status.PARTIAL_SUCCESS, detail=detail)


def _unreadable(sweep: Sweep) -> int:
    return SweepPart.objects.filter(sweep=sweep).aggregate(all=Sum("unreadable"))["all"] or 0


def _record(sweep: Sweep) -> None:
    """One row of the audit log for each workspace: how many requests, and what went."""
    for workspace_id in (
        Regulation.objects.filter(sweep=sweep).values_list("workspace_id", flat=True).distinct().order_by()
    ):
        steps = RegulationStep.objects.filter(regulation__sweep=sweep, regulation__workspace_id=workspace_id)
        removed = dict(steps.values_list("place").annotate(n=Sum("removed")).order_by())
        details = {
            "regulations": Regulation.objects.filter(sweep=sweep, workspace_id=workspace_id).count(),
            "events": removed.get(EVENT_LOG, 0),
            "deliveries": removed.get(DELIVERIES, 0),
            "samples": removed.get(SAMPLES, 0),
        }
        record(EventType.END_USERS_DELETED, actor=None, workspace_id=workspace_id, subject=sweep, details=details)
