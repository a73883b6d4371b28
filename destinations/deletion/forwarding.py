"""Telling destinations to forget an end user, once nothing of theirs is left here that could still be sent.

A notice is a delivery like any other: sealed, signed, tried again for four hours, on the destination's delivery page.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from audit.ids import new_id
from destinations.catalog.base import deletion_notice
from destinations.catalog.registry import CONNECTORS
from destinations.delivery.ledger import sealed_body
from destinations.models import Delivery, Destination
from destinations.status import explain
from privacy.models import Regulation, RegulationStep
from privacy.regulations import FORWARDS, OPEN, Status
from privacy.suppression import user_id_of
from workspaces.sealing import SealError

AT_ONCE = 50
EVENT_TYPE = "delete"


def send_notices() -> int:
    """Queue the notices of some regulations whose sweep is over; how many regulations."""
    told = RegulationStep.objects.filter(regulation=OuterRef("pk"), destination_id__isnull=False)
    with transaction.atomic():
        due = Regulation.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            ~Exists(told), status=Status.RUNNING, type__in=FORWARDS, sweep__finished_at__isnull=False
        )
        regulations = list(due.order_by("requested_at")[:AT_ONCE])
        for regulation in regulations:
            _tell_all(regulation)
    return len(regulations)


def hear_answers() -> int:
    """Note how notices ended and conclude the regulations that wait for none; how many steps ended."""
    waiting = Delivery.objects.filter(event_type=EVENT_TYPE, status=Delivery.Status.WAITING)
    steps = RegulationStep.objects.filter(status=Status.RUNNING, delivery_id__isnull=False)
    ended = steps.exclude(delivery_id__in=waiting.values("pk"))
    rows = list(ended.select_related("regulation")[:AT_ONCE])
    with transaction.atomic():
        for step in rows:
            _end(step, Delivery.objects.filter(pk__in=[step.delivery_id]).first())
        for regulation in {step.regulation_id: step.regulation for step in rows}.values():
            _conclude(regulation)
    return len(rows)


def _tell_all(regulation: Regulation) -> None:
    try:
        user_id = user_id_of(regulation)
    except SealError:
        Regulation.objects.filter(pk=regulation.pk).update(status=Status.INVALID, completed_at=timezone.now())
        return
    destinations = Destination.objects.filter(workspace_id=regulation.workspace_id).select_related("source")
    for destination in destinations.order_by("name"):
        _tell(regulation, destination, user_id)
    _conclude(regulation)


def _tell(regulation: Regulation, destination: Destination, user_id: str) -> None:
    step = RegulationStep(
        regulation=regulation,
        place=destination.name,
        destination_id=destination.pk,
        source_name=destination.source.name,
        status=Status.RUNNING,
    )
    connector = CONNECTORS.get(destination.kind)
    if connector is None or not connector.entry.supports_deletion:
        step.status, step.detail = Status.NOT_SUPPORTED, "Delete the user there yourself."
    elif not (destination.enabled and destination.source.enabled):
        step.status, step.detail = Status.FAILED, "It is disabled. Enable it and its source, then request again."
    else:
        step.delivery_id = _queue(regulation, destination, user_id).pk
    if step.status != Status.RUNNING:
        step.completed_at = timezone.now()
    step.save()


def _queue(regulation: Regulation, destination: Destination, user_id: str) -> Delivery:
    delivery_id, now = new_id(), timezone.now()
    return Delivery.objects.create(
        id=delivery_id,
        workspace_id=regulation.workspace_id,
        destination=destination,
        message_id=f"delete-{regulation.pk.hex}",
        event_type=EVENT_TYPE,
        received_at=now,
        status=Delivery.Status.WAITING,
        next_try_at=now,
        sealed_body=sealed_body(delivery_id, deletion_notice(user_id, now)),
        log_partition=0,
        log_position=0,  # before every entry: it comes from no event
        log_place=0,
    )


def _end(step: RegulationStep, delivery: Delivery | None) -> None:
    step.completed_at = timezone.now()
    if delivery is None:
        step.status, step.detail = Status.FAILED, "It was removed before it could be told."
    elif delivery.status == Delivery.Status.DELIVERED:
        step.status = Status.FINISHED
    else:
        step.status, step.detail = Status.FAILED, f"It did not take the notice. {explain(delivery.reason)}"[:200]
        # The id must not stay behind, nor an answer that repeats it.
        Delivery.objects.filter(pk=delivery.pk).update(sealed_body=b"", sealed_answer=b"")
    step.save(update_fields=["status", "detail", "completed_at"])


def _conclude(regulation: Regulation) -> None:
    """Documented: one destination that failed or cannot delete makes the whole `FAILED`."""
    statuses = set(RegulationStep.objects.filter(regulation=regulation).values_list("status", flat=True))
    if statuses & set(OPEN):
        return
    if statuses & {Status.FAILED, Status.NOT_SUPPORTED}:
        status = Status.FAILED
    else:
        status = Status.PARTIAL_SUCCESS if Status.PARTIAL_SUCCESS in statuses else Status.FINISHED
    Regulation.objects.filter(pk=regulation.pk).update(status=status, completed_at=timezone.now())
