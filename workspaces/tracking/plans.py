"""What ingest knows of a write key: compiled once, kept for seconds, so that no request waits for the database."""

from __future__ import annotations

import enum
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from django.db import close_old_connections

from workspaces import write_keys
from workspaces.models import Workspace, WriteKey
from workspaces.tracking.controls import NOTHING, Controls, controls_of

KEPT_SECONDS = 5.0  # a revoked key or a disabled source takes effect after this time at the latest
ABSENCE_KEPT_SECONDS = 1.0  # a new key works after this time at the latest
MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """How to take a source's events. `controls` say what of them must not be stored."""

    source_id: uuid.UUID
    workspace_id: uuid.UUID
    enabled: bool
    controls: Controls = NOTHING


class Absence(enum.Enum):
    """Why a write key has no plan, and so how its requests are answered."""

    IGNORED = 200  # documented: an unknown key is answered like any other and its events are dropped
    REFUSED = 401  # strict mode


Found = SourcePlan | Absence


class PlanCache:
    """Plans by write key, for all threads of a process. Holds digests, not keys."""

    def __init__(self, load: Callable[[str], Found], clock: Callable[[], float] = time.monotonic) -> None:
        self._load = load
        self._clock = clock
        self._kept: dict[str, tuple[float, Found]] = {}
        self._lock = threading.Lock()

    def find(self, write_key: str) -> Found:
        """The key's plan or why it has none; raises django.db.Error where the database is away."""
        digest = write_keys.digest(write_key)
        now = self._clock()
        kept = self._kept.get(digest)
        if kept is not None and kept[0] > now:
            return kept[1]
        found = self._load(digest)
        self._keep(digest, found, now)
        return found

    def _keep(self, digest: str, found: Found, now: float) -> None:
        seconds = KEPT_SECONDS if isinstance(found, SourcePlan) else ABSENCE_KEPT_SECONDS
        with self._lock:
            if len(self._kept) >= MOST_KEPT:
                self._kept = {key: kept for key, kept in self._kept.items() if kept[0] > now}
            if len(self._kept) >= MOST_KEPT:  # a flood of made-up keys
                self._kept = {key: kept for key, kept in self._kept.items() if isinstance(kept[1], SourcePlan)}
            self._kept[digest] = (now + seconds, found)


def load_plan(digest: str) -> Found:
    """Read what the database says of the key with this digest. For threads that no Django request looks after."""
    close_old_connections()
    try:
        key = WriteKey.objects.select_related("source__workspace").filter(digest=digest).first()
        if key is None:
            return _absence(strict=Workspace.objects.filter(strict_write_keys=True).exists())
        if key.revoked_at is not None:
            return _absence(strict=key.source.workspace.strict_write_keys)
        controls = controls_of(key.source.workspace_id, key.source_id)
        return SourcePlan(key.source_id, key.source.workspace_id, key.source.enabled, controls)
    finally:
        close_old_connections()


def _absence(*, strict: bool) -> Absence:
    """A key never issued belongs to no workspace: it is refused once any workspace here is strict."""
    return Absence.REFUSED if strict else Absence.IGNORED
