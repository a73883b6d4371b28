"""The sealer's turns: seal what is new, look again for what committed late, sign every hour, copy checkpoints out.

Once a day it also removes rows past their retention: it holds the key that signs the tombstones.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.utils import timezone

from audit.ids import lowest_id_at
from audit.models import AuditTombstone
from audit.proof import checkpoints, purging
from audit.proof.tree import START, seal_some
from audit.proof.verifier import Untrue

logger = logging.getLogger(__name__)

PAUSE = 1.0  # seconds between looks; rows are to be sealed within ten
TROUBLE_PAUSE = 5.0
# How old a row may be when it commits and still be seen at once; older ones are found by the look that comes hourly.
LATE = timedelta(minutes=5)
VERY_LATE = timedelta(days=1)
LOOK_BACK_SECONDS = 3600.0
SIGN_SECONDS = 30.0  # between looks at what is due to be signed
PURGE_SECONDS = 60.0  # between looks whether the day's purge is due


class Sealer:
    """Seals until `stop`. Any number may run: the database lets one at a time."""

    def __init__(self) -> None:
        self._stopping = False
        self._since = START  # rows that were written before the first start are sealed too
        self._look_back_at = time.monotonic() + LOOK_BACK_SECONDS
        self._sign_at = 0.0
        self._grown: set[str] | None = None
        self._copied = self._copied_tombstones = 0
        self._purge_at = 0.0
        self._purge: Iterator[AuditTombstone | Untrue] | None = None

    def stop(self) -> None:
        """Finish what is under way, then let `run` return."""
        self._stopping = True

    def run(self) -> None:
        """Work until `stop`. Trouble with the database or the folder for copies is waited out."""
        while not self._stopping:
            try:
                if not self.turn():
                    time.sleep(PAUSE)
            except (DatabaseError, OSError) as error:
                logger.error("the audit log waits to be sealed: %s", type(error).__name__)  # noqa: TRY400  (values may stand in it)
                connection.close()
                time.sleep(TROUBLE_PAUSE)

    def turn(self) -> bool:
        """Seal one chunk, sign, remove and copy what is due; whether more waits."""
        if self._grown is None:
            self._grown = set(checkpoints.sealed_workspaces())
        sealed, last = seal_some(self._since)
        self._grown.update(sealed)
        if last is None:
            self._since = lowest_id_at(timezone.now() - self._reach())
            self._sign_and_copy(self._grown)
            return self._purge_some()
        self._since = last
        return True

    def _sign_and_copy(self, grown: set[str]) -> None:
        if time.monotonic() >= self._sign_at:
            self._sign_at = time.monotonic() + SIGN_SECONDS
            self._grown = {each for each in grown if not _sign(each)}
        if settings.AUDIT_CHECKPOINT_DIR:
            folder = Path(settings.AUDIT_CHECKPOINT_DIR)
            self._copied = checkpoints.copy_checkpoints(folder, after=self._copied)
            self._copied_tombstones = purging.copy_tombstones(folder, after=self._copied_tombstones)

    def _purge_some(self) -> bool:
        """Go on with the day's purge, a chunk at a time, so that sealing never waits for it; whether more is to go."""
        if self._purge is None and time.monotonic() >= self._purge_at:
            self._purge_at = time.monotonic() + PURGE_SECONDS
            run = purging.start_if_due(timezone.now())
            self._purge = purging.purge(run) if run else None
        if self._purge is not None and next(self._purge, None) is None:
            self._purge = None
        return self._purge is not None

    def _reach(self) -> timedelta:
        if time.monotonic() < self._look_back_at:
            return LATE
        self._look_back_at = time.monotonic() + LOOK_BACK_SECONDS
        return VERY_LATE


def _sign(workspace_id: str) -> bool:
    """Sign a log where it is due; whether nothing is left to sign. One that is damaged keeps no other from it."""
    try:
        return checkpoints.make_if_due(workspace_id)
    except (LookupError, Untrue):
        logger.error("the log of %s cannot be signed: run verify_audit", workspace_id or "no workspace")  # noqa: TRY400
        return False
