"""Deletion requests and suppressed users as the pages list them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, F, Q, QuerySet, Sum, Value
from django.utils import timezone

from privacy.models import Regulation, RegulationFile, SuppressedUser, SweepPart
from privacy.regulations import FORWARDS, MOST_A_MONTH, OPEN, SHOWN_FOR, parts_of, this_month
from privacy.subjects import subject_digest
from privacy.suppression import user_id_of
from workspaces.access import Access
from workspaces.models import Workspace
from workspaces.sealing import SealError

MOST_UPLOADS = 20
NOT_TAKEN_IN = -1  # stands for the open requests of a file whose requests are not all made
MASK = "•" * 8
COLOURS = {
    Regulation.Status.FINISHED: "green",
    Regulation.Status.RUNNING: "blue",
    Regulation.Status.PARTIAL_SUCCESS: "yellow",
    Regulation.Status.FAILED: "red",
    Regulation.Status.INVALID: "red",
    Regulation.Status.NOT_SUPPORTED: "yellow",
}


@dataclass(frozen=True, slots=True)
class Listed:
    """One row: the request or the suppressed user, and the end user's id as this person may see it."""

    row: Regulation | SuppressedUser
    user_id: str

    @property
    def colour(self) -> str:
        """The status badge's."""
        return COLOURS.get(Regulation.Status(getattr(self.row, "status", "")), "neutral")


class Plain:
    """A list without a question in its address."""

    query = ""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file's requests that are not all done."""

    id: uuid.UUID
    users: int
    done: int
    waiting: int = 0  # not taken in yet


def regulations_of(workspace: Workspace, user_id: str = "") -> QuerySet[Regulation]:
    """The requests of the last 90 days, newest first; of one end user where an id is given."""
    rows = Regulation.objects.filter(workspace=workspace, requested_at__gte=timezone.now() - SHOWN_FOR)
    if user_id:
        rows = rows.filter(subject=subject_digest(workspace.pk, user_id))
    return rows.order_by("-requested_at", "-pk")


def suppressed_users_of(workspace: Workspace, user_id: str = "") -> QuerySet[SuppressedUser]:
    """Who was suppressed by a request for just that (documented), newest first."""
    rows = SuppressedUser.objects.filter(workspace=workspace, regulation_type=Regulation.Type.SUPPRESS_ONLY)
    if user_id:
        rows = rows.filter(subject=subject_digest(workspace.pk, user_id))
    return rows.order_by("-since", "-pk")


def suppressed_by_deletion(workspace: Workspace) -> int:
    """How many users are suppressed by a deletion request."""
    others = SuppressedUser.objects.filter(workspace=workspace)
    return others.exclude(regulation_type=Regulation.Type.SUPPRESS_ONLY).count()


def listed(rows: Iterable[Regulation | SuppressedUser], access: Access) -> list[Listed]:
    """The rows with ids: these pages are meant for them, but support staff manage requests without seeing PHI."""
    return [Listed(row, shown_id(row, access)) for row in rows]


def shown_id(row: Regulation | SuppressedUser, access: Access) -> str:
    """The end user's id as this person may see it."""
    if access.as_support:
        return MASK
    if not row.sealed_user_id:
        return "No longer kept"
    try:
        return user_id_of(row)
    except SealError:
        return "Its key is missing"


def open_uploads(workspace: Workspace) -> list[Upload]:
    """Files that are still being worked on, newest first. One query."""
    rows = Regulation.objects.filter(workspace=workspace, upload__isnull=False).values_list("upload").order_by()
    asked = rows.annotate(users=Count("pk"), open=Count("pk", filter=Q(status__in=OPEN)))
    files = RegulationFile.objects.filter(workspace=workspace).order_by()
    taken: dict[uuid.UUID, tuple[int, int]] = {}
    whole: dict[uuid.UUID, int] = {}
    for upload_id, users, still_open in asked.union(files.values_list("pk", "users", Value(NOT_TAKEN_IN)), all=True):
        if still_open == NOT_TAKEN_IN:
            whole[upload_id] = users
        else:
            taken[upload_id] = (users, users - still_open)
    found = []
    for upload_id in {*taken, *whole}:
        here, done = taken.get(upload_id, (0, 0))
        users = whole.get(upload_id, here)
        found.append(Upload(upload_id, users, done, users - here))
    unfinished = [upload for upload in found if upload.done < upload.users]
    return sorted(unfinished, key=lambda upload: upload.id, reverse=True)[:MOST_UPLOADS]


def searched(regulation: Regulation) -> int | None:
    """How many per cent of the event log have been searched for it; None before and after the search."""
    if regulation.status != Regulation.Status.RUNNING or regulation.sweep_id is None:
        return None
    parts = SweepPart.objects.filter(sweep=regulation.sweep_id, sweep__finished_at=None)
    told = parts.aggregate(at=Sum(F("position")), of=Sum(F("target")))
    return int(100 * (told["at"] or 0) / told["of"]) if told["of"] else None


def left(workspace: Workspace) -> dict[str, int]:
    """How many users may still be asked for this month, by the documented kind. One query."""
    asked = this_month(workspace).values_list("type").annotate(n=Count("pk")).order_by()
    waiting = parts_of(workspace).values_list("file__type").annotate(n=Sum("users")).order_by()
    room = {"forwarded": MOST_A_MONTH, "internal": MOST_A_MONTH}
    for regulation_type, users in asked.union(waiting, all=True):
        room["forwarded" if regulation_type in FORWARDS else "internal"] -= users
    return {kind: max(users, 0) for kind, users in room.items()}
