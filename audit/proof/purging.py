"""The purge: rows past their retention go from the beginning of each log, and a signed tombstone stands for them.

Tombstone, deletion and audit row are one transaction, some thousand rows each. What goes was compared with its leaf
just before, so that a purge removes no trace of a forgery. Leaves, subtrees and checkpoints stay, and all proofs.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from django.utils import timezone

from audit.event_types import EventType
from audit.ids import lowest_id_at
from audit.models import AuditCheckpoint, AuditLeaf, AuditPurgeRun, AuditRow, AuditTombstone
from audit.partitions import maintain
from audit.proof import checkpoints
from audit.proof.canonical import line
from audit.proof.merkle import range_root
from audit.proof.notes import sign_note, tombstone_text
from audit.proof.tree import FIELDS, Tree, alone, leaves_of
from audit.proof.verifier import Untrue, leaf_hash, read_checkpoint, read_tombstone
from audit.record import record
from audit.retention import cutoff, kept

CHUNK_ROWS = 1_000  # on SQLite other writers wait for one chunk
EVERY = timedelta(days=1)
AGAIN = timedelta(hours=1)  # after a run that broke off, or left a log alone
# How long a download may take: its rows are counted when it begins, and all of them are to be there until it ends.
DOWNLOADED_WITHIN = timedelta(hours=6)
_DOWNLOADS = (EventType.HIPAA_AUDIT_LOG_EXPORTED, EventType.HIPAA_AUDIT_EVIDENCE_EXPORTED)


def latest(workspace_id: str) -> AuditTombstone | None:
    """The newest tombstone of a log."""
    return AuditTombstone.objects.filter(workspace_id=workspace_id).order_by("-end").first()


def is_being_downloaded(workspace_id: str) -> bool:
    """Whether somebody may still be taking a file of the log."""
    since = lowest_id_at(timezone.now() - DOWNLOADED_WITHIN)
    own = AuditRow.objects.filter(workspace_id=workspace_id, event_type__in=_DOWNLOADS, id__gte=since)
    return own.order_by().exists()


def start_if_due(now: datetime) -> AuditPurgeRun | None:
    """Begin the day's run; None where one has been today, or broke off within the hour."""
    with alone():
        last = AuditPurgeRun.objects.order_by("-started_at").first()
        if last and now - last.started_at < (EVERY if last.finished_at else AGAIN):
            return None
        return AuditPurgeRun.objects.create(started_at=now)


def purge(run: AuditPurgeRun) -> Iterator[AuditTombstone | Untrue]:
    """Remove what is past its time in every log, some at a time; each tombstone, or why nothing goes from a log.

    A log that is being downloaded keeps its rows: the run is not finished then, and another follows within the hour.
    """
    waits = False
    signed = AuditCheckpoint.objects.order_by("workspace_id").values_list("workspace_id", flat=True).distinct()
    for workspace_id in list(signed):
        try:
            while stone := purge_some(workspace_id, now=run.started_at, limit=CHUNK_ROWS):
                yield stone
            waits = waits or is_being_downloaded(workspace_id)
        except (Untrue, LookupError) as error:
            untrue = (
                error if isinstance(error, Untrue) else Untrue(f"leaves were taken away, run verify_audit: {error}")
            )
            failed, found = AuditRow.Outcome.FAILED, {"found": str(untrue)}
            record(
                EventType.HIPAA_AUDIT_LOG_PURGED, actor=None, workspace_id=workspace_id, details=found, outcome=failed
            )
            yield untrue
    maintain(run.started_at)
    if not waits:
        run.finished_at = timezone.now()
        run.save(update_fields=["finished_at"])


def purge_some(workspace_id: str, *, now: datetime, limit: int) -> AuditTombstone | None:
    """Remove up to `limit` of a log's first rows whose time is over; their tombstone, or None where there are none.

    Only what stands under a signed checkpoint goes, and nothing while a hold or a download lasts. Raises Untrue, and
    removes nothing, where one of the rows is not what was sealed.
    """
    with alone():
        rules, before, checkpoint = kept(workspace_id), latest(workspace_id), checkpoints.latest(workspace_id)
        if rules.held or checkpoint is None or is_being_downloaded(workspace_id):
            return None
        first = before.end if before else 0
        leaves, written = _due(workspace_id, first, min(first + limit, checkpoint.size), cutoff(rules.years, now))
        if not leaves:
            return None
        ids = [leaf.row_id for leaf in leaves]
        text = tombstone_text(
            origin=checkpoints.origin(workspace_id),
            first=first,
            root=range_root(Tree(workspace_id).node, 0, first + len(ids)),
            ids=ids,
            written=(min(written), max(written)),
            years=rules.years,
            checkpoint=read_checkpoint(checkpoints.text_of(checkpoint.note)).text_hash(),
            time=now,
            previous=read_tombstone(checkpoints.text_of(before.note)).text_hash() if before else "",
        )
        return _put_in_place(workspace_id, first, ids, text, now)


def _due(workspace_id: str, first: int, end: int, before: datetime) -> tuple[list[AuditLeaf], list[datetime]]:
    """The leaves from `first` on whose rows are older than `before`, up to the first that is not; and their times."""
    found: list[AuditLeaf] = []
    written: list[datetime] = []
    oldest_kept = lowest_id_at(before)
    for chunk in leaves_of(workspace_id, first, end, chunk=500):
        old = [leaf for leaf in chunk if leaf.row_id < oldest_kept]
        rows = {row["id"]: row for row in AuditRow.objects.filter(id__in=[leaf.row_id for leaf in old]).values(*FIELDS)}
        for leaf in chunk:
            if leaf.row_id >= oldest_kept:
                return found, written
            row = rows.get(leaf.row_id)
            if row is None or leaf.index != first + len(found) or leaf_hash(line(row)) != bytes(leaf.leaf):
                raise Untrue(f"row {first + len(found)} ({leaf.row_id}) is not what was sealed: run verify_audit")
            if row["timestamp"] >= before:
                return found, written
            found.append(leaf)
            written.append(row["timestamp"])
    return found, written


def _put_in_place(workspace_id: str, first: int, ids: list[uuid.UUID], text: str, now: datetime) -> AuditTombstone:
    """Sign and store the tombstone, then remove the rows: the database lets go only of what a tombstone covers."""
    note = sign_note(text, name=checkpoints.origin(workspace_id), key=checkpoints.signing_key())
    end = first + len(ids)
    stone = AuditTombstone.objects.create(workspace_id=workspace_id, first=first, end=end, made_at=now, note=note)
    removed = AuditRow.objects.filter(id__in=ids)._raw_delete("default")
    if removed != len(ids):
        raise RuntimeError(f"{len(ids)} rows were to be removed, the database removed {removed}")
    details = {"first": first, "rows": len(ids), "tombstone": stone.pk}
    record(EventType.HIPAA_AUDIT_LOG_PURGED, actor=None, workspace_id=workspace_id, subject=stone, details=details)
    return stone


def file_name(stone: AuditTombstone) -> str:
    """Where a tombstone's copy lies below AUDIT_CHECKPOINT_DIR."""
    return f"{stone.workspace_id or 'site'}/tombstone-{stone.pk:012}.note"


def copy_tombstones(folder: Path, *, after: int = 0) -> int:
    """Copy tombstones with ids above `after` out of the database's reach, as checkpoints are; the last id there."""
    for stone in AuditTombstone.objects.filter(id__gt=after).order_by("id").iterator():
        checkpoints.write_once(folder / file_name(stone), stone.note)
        after = stone.pk
    return after
