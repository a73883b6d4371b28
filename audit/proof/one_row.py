"""A proof of one row: that it stands in the log, for whoever has the public key and none of the other rows."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from audit.event_types import EventType
from audit.ids import lowest_id_at
from audit.models import AuditLeaf
from audit.proof import checkpoints
from audit.proof.evidence import row_proof
from audit.proof.tree import START, alone, seal_all
from audit.record import Named, Person, record

RECENT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands in its workspace's tree, and the size of the latest signed checkpoint, 0 for none."""

    index: int
    signed: int

    @property
    def is_signed(self) -> bool:
        """Whether a checkpoint covers the row."""
        return self.index < self.signed


def place_of(row_id: uuid.UUID) -> Place | None:
    """The row's place; None until it is sealed, which takes seconds."""
    leaf = AuditLeaf.objects.filter(row_id=row_id).first()
    if leaf is None:
        return None
    latest = checkpoints.latest(leaf.workspace_id)
    return Place(leaf.index, latest.size if latest else 0)


def prove_row(workspace: Named, row_id: uuid.UUID, *, actor: Person) -> dict[str, Any]:
    """A proof in the form verify.py reads, under a checkpoint signed now where none covers the row yet.

    The caller has checked that the row is the workspace's and that `actor` may see the log.
    """
    with alone():
        place = place_of(row_id)
        if place is None:
            _seal(row_id)
        if place is None or not place.is_signed:
            checkpoints.make_checkpoint(str(workspace.pk))
        proof = row_proof(row_id)
        proved = EventType.HIPAA_AUDIT_ROW_PROVED
        record(proved, actor=actor, workspace_id=workspace.pk, subject=workspace, details={"row": str(row_id)})
    return proof


def _seal(row_id: uuid.UUID) -> None:
    seal_all(lowest_id_at(timezone.now() - RECENT))
    if place_of(row_id) is None:
        seal_all(START)  # the sealer has not run for a day
