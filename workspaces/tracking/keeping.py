"""From an accepted body to what is stored of it, where controls hold for its source. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import orjson

from workspaces.tracking import parse
from workspaces.tracking.blocking import block, is_of
from workspaces.tracking.controls import SUPPRESSED, Controls
from workspaces.tracking.kinds import BATCH
from workspaces.tracking.shared import impersonal
from workspaces.tracking.sift import Sifted

# What a batch says beside its events and is read again. Ingest checks how deep the objects nest.
ROOT_OBJECTS = ("context", "integrations")


class Kept(NamedTuple):
    """What is stored: the body, empty where nothing is kept, and how often each inventory field was blocked."""

    body: bytes
    blocked: dict[str, int]


def keep(kind: str, body: bytes, sifted: Sifted, controls: Controls) -> Kept:
    """Take out what must not be stored; `sifted` is told of dropped events. Without controls the body stays as it came.

    With them it is written anew from what was read: in bytes that name a key twice the first value stands as well,
    which no reader sees. A batch keeps the places of its events: what is dropped leaves a null. So do discarded events
    and those beyond a batch's limit, which nobody reads again and which may hold the same values. What a batch said for
    all its events goes with a suppressed user's, but for what tells of nobody.
    """
    if not sifted.kept or not controls:
        return Kept(body if sifted.kept else b"", {})
    root = parse.loads(body)
    items = root["batch"] if kind == BATCH else [root]
    theirs = _drop_suppressed(items, sifted, controls)
    if not sifted.kept:
        return Kept(b"", {})
    if theirs and kind == BATCH:
        root = impersonal(root)
    blocked: Counter[str] = Counter()
    if controls.blocker is not None:
        for part in ([root] if kind == BATCH else []) + [items[place] for place, _ in sifted.kept]:
            blocked += block(part, controls.blocker)
    written = only_kept(root, {place for place, _ in sifted.kept}) if kind == BATCH else root
    return Kept(orjson.dumps(written), dict(blocked))


def only_kept(root: dict[str, Any], places: set[int]) -> dict[str, Any]:
    """A batch with nothing but the events at `places`, each where it was.

    A `sentAt` that is no date goes: it may be an object nested deeper than can be written.
    """
    items = root["batch"][: max(places, default=-1) + 1]
    batch = [item if place in places else None for place, item in enumerate(items)]
    sent_at = root.get("sentAt")
    dated = {"sentAt": sent_at} if isinstance(sent_at, str | int | float) else {}
    return {"batch": batch, **{name: root[name] for name in ROOT_OBJECTS if name in root}, **dated}


def _drop_suppressed(items: list[Any], sifted: Sifted, controls: Controls) -> int:
    """Move the events of suppressed users from the kept to the skipped; how many."""
    if controls.is_suppressed is None:
        return 0
    theirs = {place for place, _ in sifted.kept if is_of(items[place], controls.is_suppressed)}
    sifted.skip += [(place, kind, SUPPRESSED) for place, kind in sifted.kept if place in theirs]
    sifted.kept = [(place, kind) for place, kind in sifted.kept if place not in theirs]
    return len(theirs)
