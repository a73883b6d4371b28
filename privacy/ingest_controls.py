"""What the Tracking API must not store, compiled for it: red fields where Standard Controls are on, suppressed users.

Asked every few seconds for each write key in use. Of what is large (the list of suppressed users) only what has changed
is read: tests/benchmarks/suppression.py.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from privacy.models import InventoryField, Release, RuleRevision, StandardControl, SubjectKey, SuppressedUser
from privacy.rules.blocking import Blocking
from privacy.rules.book import Class
from privacy.subjects import subject_digest
from workspaces.tracking.controls import Controls


@dataclass(frozen=True, slots=True)
class _Suppressed:
    """The digests of a workspace's suppressed users as of one revision: 16 bytes each, never the ids."""

    revision: int
    digests: frozenset[bytes]


_blocking: dict[uuid.UUID, tuple[int, Blocking]] = {}
_suppressed: dict[uuid.UUID, _Suppressed] = {}
_one_at_a_time = threading.Lock()  # ingest's threads find the same plan stale together


def controls_of(workspace_id: uuid.UUID, source_id: uuid.UUID) -> Controls:
    """What holds for the source now; a provider for `workspaces.tracking.controls`."""
    with _one_at_a_time:
        blocking = blocking_of(workspace_id) if StandardControl.objects.filter(pk=source_id).exists() else None
        return Controls(blocking or None, _suppression(workspace_id))


def blocking_of(workspace_id: uuid.UUID) -> Blocking:
    """The workspace's red inventory fields, ready to be asked; one short query where nothing has changed."""
    revision = RuleRevision.objects.filter(pk=workspace_id).values_list("revision", flat=True).first() or 0
    kept = _blocking.get(workspace_id)
    if kept is None or kept[0] != revision:
        rows = InventoryField.objects.filter(workspace_id=workspace_id).values_list("name", "classification")
        kept = _blocking[workspace_id] = (revision, Blocking({name: cast(Class, said) for name, said in rows}))
    return kept[1]


def _suppression(workspace_id: uuid.UUID) -> Callable[[str], bool] | None:
    revision = SubjectKey.objects.filter(pk=workspace_id).values_list("suppressions", flat=True).first() or 0
    kept = _suppressed.get(workspace_id)
    if kept is None or kept.revision != revision:
        digests = _changed(workspace_id, kept) if kept is not None and kept.revision < revision else None
        digests = _listed(workspace_id) if digests is None else digests
        kept = _suppressed[workspace_id] = _Suppressed(revision, digests)
    digests = kept.digests
    if not digests:
        return None
    subject_digest(workspace_id, "")  # fetches the key now, so that no request waits for it
    return lambda user_id: subject_digest(workspace_id, user_id) in digests


def _listed(workspace_id: uuid.UUID, *, since: int | None = None) -> frozenset[bytes]:
    """Who is suppressed; by changes after `since` only, if it is given."""
    rows = SuppressedUser.objects.filter(workspace_id=workspace_id).order_by()
    rows = rows.filter(revision__gt=since) if since is not None else rows
    return frozenset(bytes(row) for row in rows.values_list("subject", flat=True).iterator())


def _changed(workspace_id: uuid.UUID, kept: _Suppressed) -> frozenset[bytes] | None:
    """The list from what is known of it and the changes since; None where some of them are forgotten.

    Changes become visible in the order of their numbers. Who was released and suppressed again is on the list. What
    commits between these looks has a number that the next call finds later than this one's.
    """
    gone = Release.objects.filter(workspace_id=workspace_id, revision__gt=kept.revision)
    released = {bytes(subject) for subject in gone.values_list("subject", flat=True).iterator()}
    digests = (kept.digests - released if released else kept.digests) | _listed(workspace_id, since=kept.revision)
    forgotten = SubjectKey.objects.values_list("forgotten", flat=True).get(pk=workspace_id)
    return digests if forgotten <= kept.revision else None
