"""Who is suppressed: end users whose events the Tracking API drops. Changed by regulations alone."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Max
from django.db.models.functions import Greatest
from django.utils import timezone

from audit.ids import new_id
from privacy.models import Regulation, Release, SubjectKey, SuppressedUser
from workspaces.sealing import seal, unseal

CHUNK = 500
RELEASES_KEPT = timedelta(days=1)  # a web process that lives looks every few seconds


def suppress(workspace_id: uuid.UUID, users: Mapping[bytes, str], regulation_type: Regulation.Type) -> None:
    """Drop these users' events from now on, in the caller's transaction; `users` has their ids by digest.

    Holds 5 s later at most. Who is suppressed already stays so, under the type it was asked for first.
    """
    revision = _move(workspace_id)
    rows = [_row(workspace_id, user, regulation_type, revision) for user in users.items()]
    SuppressedUser.objects.bulk_create(rows, ignore_conflicts=True, batch_size=CHUNK)


def stop_suppressing(workspace_id: uuid.UUID, subjects: Iterable[bytes]) -> int:
    """Take these users' events again, in the caller's transaction; how many were suppressed."""
    revision, wanted, gone = _move(workspace_id), list(subjects), 0
    for start in range(0, len(wanted), CHUNK):
        some = SuppressedUser.objects.filter(workspace_id=workspace_id, subject__in=wanted[start : start + CHUNK])
        released = [bytes(subject) for subject in some.values_list("subject", flat=True)]
        rows = [Release(workspace_id=workspace_id, subject=subject, revision=revision) for subject in released]
        Release.objects.bulk_create(rows)
        gone += some.delete()[0]
    return gone


def forget_releases() -> int:
    """Forget who was released more than a day ago; how many went. Who has not looked since reads the whole list."""
    old, gone = Release.objects.filter(at__lt=timezone.now() - RELEASES_KEPT), 0
    highest = dict(old.values_list("workspace_id").annotate(Max("revision")).order_by())
    for workspace_id, revision in highest.items():
        with transaction.atomic():
            SubjectKey.objects.filter(pk=workspace_id).update(forgotten=Greatest("forgotten", revision))
            gone += Release.objects.filter(workspace_id=workspace_id, revision__lte=revision).delete()[0]
    return gone


def user_id_of(row: SuppressedUser | Regulation) -> str:
    """The end user's id, for the pages that are meant for it; raises SealError where it does not open."""
    return unseal(bytes(row.sealed_user_id), bound_to=b"user id" + row.pk.bytes).decode(errors="surrogatepass")


def sealed_user_id(row_id: uuid.UUID, user_id: str) -> bytes:
    """The id as the row `row_id` keeps it."""
    return seal(user_id.encode(errors="surrogatepass"), bound_to=b"user id" + row_id.bytes)


def _row(
    workspace_id: uuid.UUID, user: tuple[bytes, str], regulation_type: Regulation.Type, revision: int
) -> SuppressedUser:
    row_id, (subject, user_id) = new_id(), user
    return SuppressedUser(
        id=row_id,
        workspace_id=workspace_id,
        subject=subject,
        sealed_user_id=sealed_user_id(row_id, user_id),
        regulation_type=regulation_type,
        revision=revision,
    )


def _move(workspace_id: uuid.UUID) -> int:
    """The number of this change; web processes read what has a later one than they know.

    Called before the change itself: the row stays locked until the caller's transaction ends, so that changes become
    visible in the order of their numbers. The key's row is there: the users' digests were made with it.
    """
    SubjectKey.objects.filter(pk=workspace_id).update(suppressions=F("suppressions") + 1)
    return SubjectKey.objects.values_list("suppressions", flat=True).get(pk=workspace_id)
