"""Replays: the events of a stretch of time, sent to one destination once more. Asked for and cancelled here.

Documented rules: archived events of the source go to the one destination; its filters hold; `integrations` is replaced
by that destination alone; nothing of it stands in Event Delivery's numbers. Message ids stay the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, F, Q
from django.utils import timezone

from audit.event_types import EventType
from audit.record import record
from destinations.models import Delivery, Destination, Replay, ReplayPart
from destinations.resending.dead_letters import refusal_of
from privacy.locking import lock_in_order
from workspaces.access import Right, require_right
from workspaces.event_log import open_reader
from workspaces.models import User

SHOWN = 20
CANCELLED = "REPLAY_CANCELLED"
RUNNING_ALREADY = "A replay to this destination is running. Wait until it is finished, or cancel it."
OPEN = (Delivery.Status.WAITING, Delivery.Status.QUEUED)


@dataclass(frozen=True, slots=True)
class Progress:
    """A replay and how far it is."""

    replay: Replay
    read_percent: int  # of the event log
    delivered: int
    waiting: int
    failed: int

    @property
    def is_running(self) -> bool:
        """Whether it can be cancelled."""
        return self.replay.state == Replay.State.RUNNING


@transaction.atomic
def start_replay(destination: Destination, *, since: datetime, until: datetime, actor: User) -> Replay:
    """Have the source's events received from `since` and before `until` sent once more.

    Raises ValidationError where the destination is disabled, a replay to it is running, or the times make no stretch.
    """
    require_right(actor, destination.workspace, Right.EDIT_DESTINATIONS, source=destination.source)
    destination = Destination.objects.select_for_update(of=("self",)).select_related("source").get(pk=destination.pk)
    _check(destination, since, until)
    replay = Replay.objects.create(
        workspace_id=destination.workspace_id, destination=destination, asked_by=actor, since=since, until=until
    )
    reader = open_reader()
    try:
        parts = [ReplayPart(replay=replay, partition=n, target=reader.end(n)) for n in reader.partitions()]
    finally:
        reader.close()
    ReplayPart.objects.bulk_create(parts)
    _record(EventType.REPLAY_STARTED, replay, actor)
    return replay


def _check(destination: Destination, since: datetime, until: datetime) -> None:
    if refusal := refusal_of(destination):
        raise ValidationError(refusal)
    if since >= until:
        raise ValidationError({"until": "The end must lie after the beginning."})
    if since >= timezone.now():
        raise ValidationError({"since": "The beginning must lie in the past."})
    if destination.replays.filter(state=Replay.State.RUNNING).exists():
        raise ValidationError(RUNNING_ALREADY)


@transaction.atomic
def cancel_replay(replay: Replay, *, actor: User) -> bool:
    """Send nothing more of a replay; False where it has come to an end already. What was sent stays sent."""
    destination = replay.destination
    require_right(actor, destination.workspace, Right.EDIT_DESTINATIONS, source=destination.source)
    replay = Replay.objects.select_for_update(of=("self",)).select_related("destination").get(pk=replay.pk)
    if replay.state != Replay.State.RUNNING:
        return False
    give_up(replay, Replay.State.CANCELLED, actor=actor)
    return True


def give_up(replay: Replay, state: Replay.State, *, actor: User | None) -> None:
    """End a locked replay with things left to send, none of which is sent. Called by verbs, in their transaction."""
    end(replay, state)
    # What a worker has claimed is under way and comes to its own end.
    unclaimed = Q(claimed_until=None) | Q(claimed_until__lt=timezone.now())
    left = replay.deliveries.filter(unclaimed, status__in=OPEN)
    lock_in_order(Delivery, left.values_list("pk", flat=True))
    left.update(status=Delivery.Status.DEAD, reason=CANCELLED, sealed_body=b"", sealed_answer=b"", next_try_at=None)
    _record(EventType.REPLAY_CANCELLED, replay, actor)


def end(replay: Replay, state: Replay.State) -> None:
    """Let it be over, in the caller's transaction."""
    replay.state, replay.finished_at = state, timezone.now()
    replay.save(update_fields=["state", "finished_at"])


def progress(destination: Destination) -> list[Progress]:
    """The destination's last replays, newest first; three queries."""
    found = list(destination.replays.select_related("asked_by").prefetch_related("parts")[:SHOWN])
    rows = Delivery.objects.filter(replay__in=found).values_list("replay_id", "status").annotate(n=Count("id"))
    counts = {(replay_id, status): n for replay_id, status, n in rows.order_by()}
    return [_progress(each, {status: counts.get((each.pk, status), 0) for status in Delivery.Status}) for each in found]


def _progress(replay: Replay, counts: dict[Delivery.Status, int]) -> Progress:
    parts: Sequence[ReplayPart] = list(replay.parts.all())
    whole = sum(part.target for part in parts)
    read = sum(part.position for part in parts)
    status = Delivery.Status
    return Progress(
        replay,
        100 * read // whole if whole else 100,
        delivered=replay.past_delivered + counts[status.DELIVERED],
        waiting=counts[status.WAITING] + counts[status.QUEUED],
        failed=replay.past_failed + counts[status.DEAD] + counts[status.HELD],
    )


def _record(event_type: EventType, replay: Replay, actor: User | None) -> None:
    times = {"since": replay.since.isoformat(), "until": replay.until.isoformat(), "replay": str(replay.pk)}
    record(event_type, actor=actor, workspace_id=replay.workspace_id, subject=replay.destination, details=times)


def finish_if_done(replay: Replay) -> bool:
    """End a replay that has read everything and has nothing under way, in the caller's transaction."""
    left = replay.parts.filter(position__lt=F("target")).exists()
    if left or replay.deliveries.filter(status__in=OPEN).exists():
        return False
    end(replay, Replay.State.FINISHED)
    _record(EventType.REPLAY_FINISHED, replay, None)
    return True
