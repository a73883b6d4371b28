"""Regulations: asking that end users be suppressed or deleted. What deletes them is `destinations.deletion`."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from audit.event_types import EventType
from audit.ids import new_id
from audit.record import record
from privacy.id_file import MOST_IDS, refusal_of_id
from privacy.models import Regulation, RegulationFilePart, SuppressedUser
from privacy.subjects import subject_digest
from privacy.suppression import sealed_user_id, stop_suppressing, suppress, user_id_of
from workspaces.access import Right, require_right
from workspaces.models import User, Workspace

Status = Regulation.Status

SUPPRESSES = frozenset(
    {Regulation.Type.SUPPRESS_WITH_DELETE, Regulation.Type.SUPPRESS_WITH_DELETE_INTERNAL, Regulation.Type.SUPPRESS_ONLY}
)
DELETES = frozenset(Regulation.Type) - {Regulation.Type.SUPPRESS_ONLY, Regulation.Type.UNSUPPRESS}
# Documented as "Segment & Destination"; the others end here.
FORWARDS = frozenset({Regulation.Type.SUPPRESS_WITH_DELETE, Regulation.Type.DELETE_ONLY})
OPEN = (Status.INITIALIZED, Status.RUNNING)

MOST_A_MONTH = 110_000  # documented: users in a calendar month (UTC), for each of the two kinds
CHUNK = 500
SHOWN_FOR = timedelta(days=90)  # documented


class RegulationError(ValueError):
    """The request cannot be taken; the message says why and what to do."""


@transaction.atomic
def request_regulation(
    workspace: Workspace, *, regulation_type: Regulation.Type, user_id: str, actor: User
) -> Regulation:
    """Ask for one end user. Suppression holds within seconds; deletion is done by the workers."""
    regulation = _request(workspace, regulation_type, [user_id], actor, upload=None)[0]
    note(workspace, regulation_type, actor, subject=regulation)
    return regulation


@transaction.atomic
def request_regulations(
    workspace: Workspace, *, regulation_type: Regulation.Type, user_ids: Sequence[str], actor: User
) -> uuid.UUID:
    """Ask for up to 5,000 end users at once, all or none; the id their requests share."""
    upload = new_id()
    made = _request(workspace, regulation_type, user_ids, actor, upload=upload)
    note(workspace, regulation_type, actor, users=len(made), upload=str(upload))
    return upload


def stop_suppression(row: SuppressedUser, *, actor: User) -> Regulation:
    """Take the user's events again, by a regulation of its own that stays on record."""
    unsuppress = Regulation.Type.UNSUPPRESS
    return request_regulation(row.workspace, regulation_type=unsuppress, user_id=user_id_of(row), actor=actor)


def left_this_month(workspace: Workspace, regulation_type: Regulation.Type) -> int:
    """How many users may still be asked for in this calendar month with regulations of this one's kind."""
    kind = FORWARDS if regulation_type in FORWARDS else frozenset(Regulation.Type) - FORWARDS
    asked = this_month(workspace).filter(type__in=kind).count()
    waiting = parts_of(workspace).filter(file__type__in=kind).aggregate(users=Sum("users"))["users"] or 0
    return max(MOST_A_MONTH - asked - waiting, 0)


def parts_of(workspace: Workspace) -> QuerySet[RegulationFilePart]:
    """What is not taken in yet of the workspace's files."""
    return RegulationFilePart.objects.filter(file__workspace=workspace)


def this_month(workspace: Workspace) -> QuerySet[Regulation]:
    """The requests of this calendar month, in UTC."""
    month = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return Regulation.objects.filter(workspace=workspace, requested_at__gte=month)


def forget_old_ids() -> int:
    """Forget the ids behind requests that ended 90 days ago, which no page lists any more; how many went.

    The request stays with its report. Its digest stays too: whether somebody's deletion was asked for can be told from
    their id, not the other way round.
    """
    ended = Regulation.objects.filter(completed_at__lt=timezone.now() - SHOWN_FOR)
    return ended.exclude(sealed_user_id=b"").update(sealed_user_id=b"")


@transaction.atomic
def _request(
    workspace: Workspace,
    regulation_type: Regulation.Type,
    user_ids: Sequence[str],
    actor: User,
    *,
    upload: uuid.UUID | None,
) -> list[Regulation]:
    require_right(actor, workspace, Right.MANAGE_END_USERS)
    ids = with_room(workspace, regulation_type, user_ids, most=MOST_IDS)
    return write(workspace, regulation_type, ids, requested_by=actor, upload=upload)


def with_room(
    workspace: Workspace, regulation_type: Regulation.Type, user_ids: Sequence[str], *, most: int
) -> list[str]:
    """Each id once, checked, with room for all of them in this month; raises RegulationError.

    Locks the workspace until the caller's transaction ends: two requests at once share the month's limit.
    """
    Workspace.objects.select_for_update().get(pk=workspace.pk)
    ids = _checked(user_ids, most)
    if (left := left_this_month(workspace, regulation_type)) < len(ids):
        raise RegulationError(
            f"{left:,} users of this kind are left this month (limit {MOST_A_MONTH:,}). Wait for the next month."
        )
    return ids


def write(
    workspace: Workspace,
    regulation_type: Regulation.Type,
    ids: Sequence[str],
    *,
    requested_by: User,
    upload: uuid.UUID | None,
) -> list[Regulation]:
    """Write requests that are checked and change who is suppressed, in the caller's transaction."""
    users = {subject_digest(workspace.pk, user_id): user_id for user_id in ids}
    if regulation_type in SUPPRESSES:
        suppress(workspace.pk, users, regulation_type)
    elif regulation_type == Regulation.Type.UNSUPPRESS:
        stop_suppressing(workspace.pk, users)
    asked = Regulation(workspace=workspace, type=regulation_type, requested_by=requested_by, upload=upload)
    rows = [_row(asked, subject, user_id) for subject, user_id in users.items()]
    return Regulation.objects.bulk_create(rows, batch_size=CHUNK)


def note(
    workspace: Workspace,
    regulation_type: Regulation.Type,
    actor: User,
    *,
    subject: Regulation | None = None,
    **details: object,
) -> None:
    """The audit row names the request, never the end user: a deleted user's id must not stay behind there."""
    record(
        EventType.REGULATION_CREATED,
        actor=actor,
        workspace_id=workspace.pk,
        subject=subject,
        label=regulation_type.label,
        details={"type": regulation_type.value, **details},
    )


def _checked(user_ids: Sequence[str], most: int) -> list[str]:
    ids = list(dict.fromkeys(user_id.strip() for user_id in user_ids))
    if not ids or "" in ids:
        raise RegulationError("Enter a userId.")
    if len(ids) > most:
        raise RegulationError(f"{most:,} users are taken at once. Split the list.")
    if problem := next((found for user_id in ids if (found := refusal_of_id(user_id))), ""):
        raise RegulationError(problem[0].upper() + problem[1:])
    return ids


def _row(asked: Regulation, subject: bytes, user_id: str) -> Regulation:
    """The request for one user. What deletes nothing is done with it."""
    row_id, now = new_id(), timezone.now()
    done = asked.type not in DELETES
    return Regulation(
        id=row_id,
        workspace=asked.workspace,
        type=asked.type,
        status=Status.FINISHED if done else Status.INITIALIZED,
        subject=subject,
        sealed_user_id=sealed_user_id(row_id, user_id),
        requested_at=now,
        requested_by=asked.requested_by,
        completed_at=now if done else None,
        upload=asked.upload,
    )
