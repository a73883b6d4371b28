"""Sealing: every row gets its place in its workspace's Merkle tree, outside the request that wrote it.

Rows are taken in the order of their ids. A row that commits after rows with later ids were sealed gets the next place:
its index says when it was sealed, its id when it was written. One process seals at a time, by the database's lock.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from audit.insert import insert_many
from audit.models import AuditLeaf, AuditRow, AuditSubtree
from audit.proof.canonical import line
from audit.proof.verifier import FIRST_CHAIN, Frontier, chain_hash, leaf_hash

logger = logging.getLogger(__name__)

START = uuid.UUID(int=0)
CHUNK_ROWS = 1_000  # on SQLite other writers wait for one chunk, some 50 ms
TILE_LEVEL = 8
LEVELS = (8, 16, 24, 32)
ADVISORY_LOCK = 0x61756469  # any number that nothing else locks
FIELDS = tuple(field.attname for field in AuditRow._meta.concrete_fields)


@contextmanager
def alone() -> Iterator[None]:
    """A transaction in which nobody else seals. SQLite's own transactions are taken for writing from the start."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        yield


def unsealed(since: uuid.UUID) -> QuerySet[AuditRow]:
    """Rows from id `since` on that have no place yet, oldest first."""
    # The second bound says nothing new, but without it PostgreSQL reads every leaf there is for each chunk.
    placed = AuditLeaf.objects.filter(row_id=OuterRef("pk"), row_id__gte=since)
    return AuditRow.objects.filter(~Exists(placed), id__gte=since).order_by("id")


def seal_some(since: uuid.UUID, *, limit: int = CHUNK_ROWS) -> tuple[dict[str, int], uuid.UUID | None]:
    """Seal up to `limit` rows from id `since` on: how many of each workspace, and the last id where there may be more.

    Written whole or not at all. Nothing is read twice where the next call goes on from the id that is returned.
    """
    with alone():
        rows = list(unsealed(since).values(*FIELDS)[:limit])
        sealed = append(rows)
    return sealed, rows[-1]["id"] if len(rows) == limit else None


def seal_all(since: uuid.UUID) -> None:
    """Seal every row from id `since` on that stands now."""
    last: uuid.UUID | None = since
    while last is not None:
        _, last = seal_some(last)


def append(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Give rows the next places, each workspace's in the order they come. The caller holds the lock."""
    ordered = sorted(rows, key=lambda row: row["workspace_id"])
    counts = {}
    for workspace_id, own in groupby(ordered, key=lambda row: row["workspace_id"]):
        counts[workspace_id] = _append(workspace_id, list(own))
    return counts


def _append(workspace_id: str, rows: list[dict[str, Any]]) -> int:
    last = AuditLeaf.objects.filter(workspace_id=workspace_id).order_by("-index").first()
    start, chain = (last.index + 1, bytes(last.chain)) if last else (0, FIRST_CHAIN)
    leaves = []
    for index, row in enumerate(rows, start):
        leaf = leaf_hash(line(row))
        chain = chain_hash(chain, leaf)
        leaves.append((workspace_id, index, row["id"], leaf, chain))
    insert_many(AuditLeaf, ("workspace_id", "index", "row_id", "leaf", "chain"), leaves)
    try:
        _store_subtrees(workspace_id, start, len(rows))
    except LookupError:
        # Somebody took leaves away. Rows go on being sealed, this log's and others'; it cannot be signed any more.
        logger.error("the log of %s misses leaves: run verify_audit", workspace_id or "no workspace")  # noqa: TRY400
    return len(rows)


def _store_subtrees(workspace_id: str, start: int, count: int) -> None:
    tree = Tree(workspace_id)
    for level in LEVELS:
        completed = range(start >> level, (start + count) >> level)
        AuditSubtree.objects.bulk_create(
            AuditSubtree(workspace_id=workspace_id, level=level, index=index, root=tree.computed(level, index))
            for index in completed
        )


class Tree:
    """A workspace's tree as it is stored. Any node costs one query of at most 256 hashes."""

    def __init__(self, workspace_id: str) -> None:
        self._workspace_id = workspace_id

    def size(self) -> int:
        """How many rows are sealed."""
        last = AuditLeaf.objects.filter(workspace_id=self._workspace_id).order_by("-index").values_list("index").first()
        return last[0] + 1 if last else 0

    def node(self, level: int, index: int) -> bytes:
        """The root of a complete subtree; raises LookupError where part of it is missing."""
        stored = level - level % TILE_LEVEL
        return self._fold(stored, index << (level - stored), (index + 1) << (level - stored))

    def computed(self, level: int, index: int) -> bytes:
        """The root of a subtree of a stored level from the level below, for storing it."""
        return self._fold(level - TILE_LEVEL, index << TILE_LEVEL, (index + 1) << TILE_LEVEL)

    def _fold(self, level: int, first: int, end: int) -> bytes:
        found = self._stored(level, first, end)
        if len(found) != end - first:
            raise LookupError(f"nodes {first} to {end - 1} of level {level} are not all there")
        frontier = Frontier()
        for node in found:
            frontier.add(node)
        return frontier.root()

    def _stored(self, level: int, first: int, end: int) -> list[bytes]:
        own: Mapping[str, Any] = {"workspace_id": self._workspace_id, "index__gte": first, "index__lt": end}
        leaves = AuditLeaf.objects.filter(**own).order_by("index").values_list("leaf", flat=True)
        subtrees = AuditSubtree.objects.filter(level=level, **own).order_by("index").values_list("root", flat=True)
        return [bytes(each) for each in (leaves if level == 0 else subtrees)]


def leaves_of(workspace_id: str, first: int, end: int, *, chunk: int = 2_000) -> Iterator[list[AuditLeaf]]:
    """The leaves from `first` to before `end` in their order, in chunks found by key; missing ones are skipped."""
    own = AuditLeaf.objects.filter(workspace_id=workspace_id, index__lt=end).order_by("index")
    found = list(own.filter(index__gte=first)[:chunk])
    while found:
        yield found
        found = list(own.filter(index__gt=found[-1].index)[:chunk])


def lines_of(row_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, bytes]:
    """The rows of these ids as lines; a row that is not there is missing."""
    return {row["id"]: line(row) for row in AuditRow.objects.filter(id__in=list(row_ids)).values(*FIELDS)}
