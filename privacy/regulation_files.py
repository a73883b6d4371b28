"""Files of many end users: asked for at once, taken in by workers part by part, so that nobody waits for all of it."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from privacy.id_file import MOST_IN_FILE
from privacy.models import Regulation, RegulationFile, RegulationFilePart
from privacy.regulations import note, request_regulations, with_room, write
from workspaces.access import Right, require_right
from workspaces.models import User, Workspace
from workspaces.sealing import SealError, seal, unseal

logger = logging.getLogger(__name__)

PART = 1_000  # users: a fifth of a second's work, for which other writes wait
KEY_MISSING_PAUSE = timedelta(minutes=1)


@transaction.atomic
def request_file(
    workspace: Workspace, *, regulation_type: Regulation.Type, user_ids: Sequence[str], actor: User
) -> uuid.UUID:
    """Ask for up to a month's end users, all or none; the id their requests share. Raises RegulationError.

    Few are asked for on the spot. More are put down, sealed, and count against the month's limit from now on; workers
    take them in within minutes.
    """
    if len(user_ids) <= PART:
        return request_regulations(workspace, regulation_type=regulation_type, user_ids=user_ids, actor=actor)
    require_right(actor, workspace, Right.MANAGE_END_USERS)
    ids = with_room(workspace, regulation_type, user_ids, most=MOST_IN_FILE)
    file = RegulationFile.objects.create(workspace=workspace, type=regulation_type, requested_by=actor, users=len(ids))
    starts = range(0, len(ids), PART)
    parts = [_part(file, number, ids[start : start + PART]) for number, start in enumerate(starts)]
    RegulationFilePart.objects.bulk_create(parts)
    note(workspace, regulation_type, actor, users=len(ids), upload=str(file.pk))
    return file.pk


def take_in_some() -> int:
    """Take in the next part of any file; how many users. For workers, a little at a time."""
    now = timezone.now()
    with transaction.atomic():
        waiting = RegulationFilePart.objects.filter(Q(not_before=None) | Q(not_before__lt=now)).order_by("pk")
        part = waiting.select_for_update(skip_locked=True, of=("self",)).select_related("file").first()
        if part is None:
            return 0
        try:
            ids = json.loads(unseal(bytes(part.sealed_ids), bound_to=_bound_to(part)))
        except SealError:
            logger.exception("part %d of file %s does not open", part.number, part.file_id)
            RegulationFilePart.objects.filter(pk=part.pk).update(not_before=now + KEY_MISSING_PAUSE)
            return 0
        file = part.file
        locked = Workspace.objects.select_for_update().get(pk=file.workspace_id)
        write(locked, Regulation.Type(file.type), ids, requested_by=file.requested_by, upload=file.pk)
        part.delete()
        if not file.parts.exists():
            file.delete()
    return len(ids)


def _part(file: RegulationFile, number: int, ids: Sequence[str]) -> RegulationFilePart:
    part = RegulationFilePart(file=file, number=number, users=len(ids))
    part.sealed_ids = seal(json.dumps(ids).encode(), bound_to=_bound_to(part))
    return part


def _bound_to(part: RegulationFilePart) -> bytes:
    file_id: uuid.UUID = part.file_id
    return b"user ids" + file_id.bytes + part.number.to_bytes(4, "big")
