"""Is the log in the database what was sealed and signed? Reads all of it, in constant memory, and names the first row.

What a change leaves behind decides how exactly it is named: a row that no longer fits its leaf, a leaf that no longer
fits its chain. Who recomputes all of that without the key is found at the first signed root it does not fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.utils import timezone

from audit.ids import lowest_id_at
from audit.models import AuditCheckpoint, AuditLeaf, AuditSubtree, AuditTombstone
from audit.proof import checkpoints, purging
from audit.proof.tree import LEVELS, START, Tree, leaves_of, lines_of, unsealed
from audit.proof.verifier import (
    EMPTY_ROOT,
    FIRST_CHAIN,
    Checkpoint,
    Frontier,
    Purged,
    Tombstone,
    Untrue,
    chain_hash,
    check_tombstones,
    leaf_hash,
    open_own,
    read_checkpoint,
    read_public_key,
    read_tombstone,
)

# How long after it was written a row may be sealed: the sealer looks back a day for what committed late.
BACKDATED = timedelta(days=1)
UNSEALED = timedelta(hours=1)
# How long a row may stand under no checkpoint: one is signed every hour.
UNSIGNED = checkpoints.EVERY + timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found true: how many sealed rows stand, under how many signed checkpoints; how many were purged."""

    rows: int
    checkpoints: int
    purged: int = 0


def workspaces(copies: Path | None = None) -> list[str]:
    """Every workspace there is something to check of: also one of which nothing but copies is left."""
    signed = AuditCheckpoint.objects.order_by("workspace_id").values_list("workspace_id", flat=True).distinct()
    copied = {path.parent.name for path in copies.glob("*/*.note")} if copies else set()
    return sorted({*checkpoints.sealed_workspaces(), *signed, *("" if each == "site" else each for each in copied)})


def verify(workspace_id: str, *, copies: Path | None = None) -> Verified:
    """Check a workspace's log; raises Untrue with the first row that was changed, removed, inserted or reordered.

    A row may be missing where a signed tombstone stands for it. `copies` is the folder checkpoints and tombstones were
    copied to: each copy has to stand in the database as it is.
    """
    if copies is not None:
        _compare(workspace_id, copies)
    signed = _signed(workspace_id)
    walk = _Walk(workspace_id, signed, Purged(_tombstones(workspace_id, signed)))
    size = Tree(workspace_id).size()
    for chunk in leaves_of(workspace_id, 0, size):
        walk.take(chunk)
    walk.end()
    _check_signed(workspace_id, signed[-1] if signed else None)
    _check_subtrees(workspace_id, walk.subtrees)
    old = lowest_id_at(timezone.now() - UNSEALED)
    left = unsealed(START).filter(workspace_id=workspace_id, id__lt=old).values_list("id", flat=True).first()
    if left:
        raise Untrue(f"row {left} was inserted, or the sealer has not run for an hour: it has no place in the log")
    return Verified(walk.index - walk.purged.end, len(walk.signed), walk.purged.end)


def _check_signed(workspace_id: str, last: Checkpoint | None) -> None:
    """Whoever takes checkpoints away to change what they covered leaves rows that none covers."""
    first = AuditLeaf.objects.filter(workspace_id=workspace_id, index=last.size if last else 0).first()
    long_ago = timezone.now() - UNSIGNED
    if first is None or first.row_id >= lowest_id_at(long_ago):
        return
    if last is None or datetime.fromisoformat(last.time) < long_ago:
        where = f"row {first.index} ({first.row_id})"
        raise Untrue(f"{where} is under no checkpoint: one was removed, or the sealer has not run for hours")


def _signed(workspace_id: str) -> list[Checkpoint]:
    """The checkpoints in their order: each signed by a key of ours and chained to the one before."""
    keys = _keys(workspace_id)
    found: list[Checkpoint] = []
    for stored in AuditCheckpoint.objects.filter(workspace_id=workspace_id).order_by("id"):
        read = read_checkpoint(_opened(stored, keys))
        before = found[-1] if found else None
        if read.previous != (before.text_hash() if before else "") or (before and read.size < before.size):
            raise Untrue(f"checkpoint {stored.pk} does not follow the one before: one was removed or replaced")
        found.append(read)
    return found


def _tombstones(workspace_id: str, signed: list[Checkpoint]) -> list[Tombstone]:
    """The tombstones in their order: signed, chained, under one of the checkpoints, and as their columns say."""
    keys, sizes = _keys(workspace_id), {each.text_hash(): each.size for each in signed}
    found: list[Tombstone] = []
    for stored in AuditTombstone.objects.filter(workspace_id=workspace_id).order_by("end"):
        try:
            read = read_tombstone(_opened(stored, keys))
        except Untrue as untrue:
            raise Untrue(f"row {stored.first} or a later one before {stored.end}: {untrue}") from None
        if (read.first, read.end) != (stored.first, stored.end) or sizes.get(read.checkpoint, 0) < read.end:
            raise Untrue(f"row {stored.first}: tombstone {stored.pk} stands for other rows than were signed")
        found.append(read)
    if found and (found[0].first or found[0].previous):
        raise Untrue(f"row 0 or a later one before {found[0].first} was removed: its tombstone is not there")
    check_tombstones(found, checkpoints.origin(workspace_id))
    return found


def _keys(workspace_id: str) -> list[tuple[str, bytes]]:
    return [read_public_key(each) for each in checkpoints.keys_ever(workspace_id)]


def _opened(stored: AuditCheckpoint | AuditTombstone, keys: list[tuple[str, bytes]]) -> str:
    kind = "tombstone" if isinstance(stored, AuditTombstone) else "checkpoint"
    try:
        return open_own(stored.note, keys)
    except Untrue as untrue:
        raise Untrue(f"{kind} {stored.pk}: {untrue}") from None


def _compare(workspace_id: str, copies: Path) -> None:
    """Each copy has to stand in the database as it is."""
    own = {"workspace_id": workspace_id}
    stored = {checkpoints.file_name(each): each.note for each in AuditCheckpoint.objects.filter(**own)}
    stored |= {purging.file_name(each): each.note for each in AuditTombstone.objects.filter(**own)}
    folder = copies / (workspace_id or "site")
    for path in sorted(folder.glob("*.note")):
        if stored.get(f"{folder.name}/{path.name}") != path.read_text():
            raise Untrue(f"checkpoint {path.stem} was copied to {folder} and is not in the database as it was")


@dataclass(slots=True)
class _Walk:
    """The leaves from the first on, each with its row, against what was signed."""

    workspace_id: str
    signed: list[Checkpoint]
    purged: Purged
    index: int = 0
    subtrees: dict[tuple[int, int], bytes] = field(default_factory=dict)
    _chain: bytes = FIRST_CHAIN
    _frontier: Frontier = field(default_factory=Frontier)
    _passed: int = 0

    def take(self, leaves: list[AuditLeaf]) -> None:
        """Check some leaves and their rows."""
        self._pass_signed()
        lines = lines_of(leaf.row_id for leaf in leaves)
        for leaf in leaves:
            self._check(leaf, lines.get(leaf.row_id))
            for level, node in self._frontier.add(bytes(leaf.leaf)):
                if level in LEVELS:
                    self.subtrees[level, self.index >> level] = node
            if self.index < self.purged.end:
                self.purged.take(self.index, str(leaf.row_id), self._frontier.root)
            self.index += 1
            self._pass_signed()

    def end(self) -> None:
        """What was signed beyond the last leaf was removed."""
        if self._passed < len(self.signed):
            raise Untrue(f"row {self.index} was removed: {self.signed[-1].size} rows were signed")
        if self.index < self.purged.end:
            raise Untrue(f"row {self.index} was removed: tombstones stand for {self.purged.end} leaves")

    def _check(self, leaf: AuditLeaf, line: bytes | None) -> None:
        where = f"row {self.index} ({leaf.row_id})"
        if leaf.index != self.index:
            raise Untrue(f"row {self.index} was removed: the next one that has a place is row {leaf.index}")
        self._check_row(leaf, line, where)
        self._chain = chain_hash(self._chain, bytes(leaf.leaf))
        if self._chain != bytes(leaf.chain):
            raise Untrue(f"{where} was inserted or reordered: it was not sealed in this place")
        self._check_time(leaf, where)

    def _check_row(self, leaf: AuditLeaf, line: bytes | None, where: str) -> None:
        if self.index < self.purged.end:
            if line is not None:
                gone = self.purged.stone_of(self.index).time
                raise Untrue(f"{where} was inserted: it was purged, and its tombstone is of {gone}")
        elif line is None:
            raise Untrue(f"{where} was removed")
        elif leaf_hash(line) != bytes(leaf.leaf):
            raise Untrue(f"{where} was changed")

    def _check_time(self, leaf: AuditLeaf, where: str) -> None:
        """A row that is older than the checkpoint it came after was not there when that was signed."""
        if not self._passed:
            return
        signed = self.signed[self._passed - 1]
        written = datetime.fromtimestamp((leaf.row_id.int >> 80) / 1000, UTC)
        if written < datetime.fromisoformat(signed.time) - BACKDATED:
            raise Untrue(f"{where} was inserted: its id is of {written:%Y-%m-%d}, it came after {signed.time}")

    def _pass_signed(self) -> None:
        while self._passed < len(self.signed) and self.signed[self._passed].size <= self.index:
            signed = self.signed[self._passed]
            root = self._frontier.root() if self.index else EMPTY_ROOT
            if signed.root != root:
                first = self.signed[self._passed - 1].size if self._passed else 0
                span = (
                    f"row {first}" if signed.size - first == 1 else f"row {first} or a later one before {signed.size}"
                )
                raise Untrue(f"{span} is not what was signed at {signed.time}")
            self._passed += 1


def _check_subtrees(workspace_id: str, computed: dict[tuple[int, int], bytes]) -> None:
    stored: Iterator[AuditSubtree] = AuditSubtree.objects.filter(workspace_id=workspace_id).iterator()
    found = {(each.level, each.index): bytes(each.root) for each in stored}
    for level, index in sorted(found.keys() | computed.keys(), key=lambda place: (place[1] << place[0], place[0])):
        if found.get((level, index)) != computed.get((level, index)):
            first = index << level
            raise Untrue(f"the stored root over the rows from {first} on was changed; the rows themselves are true")
