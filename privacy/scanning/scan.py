"""What a batch of events showed: fields counted by source, event and hour, held until the batch is written."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from privacy.rulebooks import rules_of
from privacy.scanning.shape import Field, Shape, storable
from workspaces.models import Source
from workspaces.name_counts import Names

LONGEST_EVENT_NAME = 200


class Where(NamedTuple):
    """What sightings are counted under."""

    workspace_id: uuid.UUID
    source_id: uuid.UUID
    event_type: str
    event: str  # a track call's name, else the type; the surplus of a source's names of a day has one together
    hour: datetime


class Look(NamedTuple):
    """One event's fields."""

    where: Where
    revision: int  # of the rules they were looked at with
    fields: list[Field]


@dataclass(slots=True)
class Seen:
    """Fields under one `Where`, in how many events each stood, and when the first and the last came."""

    first: datetime
    last: datetime
    shapes: dict[tuple[Field, ...], int] = field(default_factory=dict)  # nearly all events hold what one before held

    @property
    def counts(self) -> dict[Field, int]:
        """In how many events each field stood."""
        counts: dict[Field, int] = {}
        for fields, times in self.shapes.items():
            for found in fields:
                counts[found] = counts.get(found, 0) + times
        return counts


@dataclass(slots=True)
class Sightings:
    """Everything one or several batches showed, and one event as a sample for each field nobody has stored yet."""

    seen: dict[Where, Seen] = field(default_factory=dict)
    samples: dict[Field, tuple[uuid.UUID, str, bytes]] = field(default_factory=dict)  # source, userId, event as JSON
    revisions: dict[uuid.UUID, int] = field(default_factory=dict)  # of the rules each workspace was scanned with

    def add(self, other: Sightings) -> None:
        """Take in what another batch showed."""
        for where, theirs in other.seen.items():
            mine = self.seen.setdefault(where, Seen(theirs.first, theirs.last))
            mine.first, mine.last = min(mine.first, theirs.first), max(mine.last, theirs.last)
            for fields, times in theirs.shapes.items():
                mine.shapes[fields] = mine.shapes.get(fields, 0) + times
        self.samples = {**other.samples, **self.samples}
        self.revisions.update(other.revisions)

    def count(self, look: Look, received: datetime) -> None:
        """Count one event's fields."""
        where = look.where
        self.revisions[where.workspace_id] = look.revision
        seen = self.seen.get(where)
        if seen is None:
            seen = self.seen[where] = Seen(received, received)
        elif received > seen.last:
            seen.last = received
        elif received < seen.first:
            seen.first = received
        fields = tuple(look.fields)
        seen.shapes[fields] = seen.shapes.get(fields, 0) + 1

    def keep_samples(self, source_id: uuid.UUID, event: Mapping[str, Any], fields: list[Field]) -> None:
        """Keep the event for those of its fields that have no row or no sample, as far as this process knows."""
        now = time.time()
        new = [found for found in fields if found.sampled_until < now and found not in self.samples]
        if new and (kept := _as_json(event)):
            user_id = event.get("userId")
            self.samples.update(dict.fromkeys(new, (source_id, user_id if isinstance(user_id, str) else "", kept)))


class Scanner:
    """The shapes of all workspaces in one worker."""

    def __init__(self) -> None:
        self._shapes: dict[uuid.UUID, tuple[int, Shape]] = {}
        self._current: dict[uuid.UUID, tuple[int, Shape]] = {}
        self._lost: dict[uuid.UUID, int] = {}  # how often samples of each workspace's fields were lost
        self._workspaces: dict[uuid.UUID, uuid.UUID | None] = {}
        self._names = Names()

    def begin(self) -> None:
        """Look for changed rules with the next event of each workspace: called once for each batch."""
        self._current = {}

    def workspace_of(self, source_id: uuid.UUID) -> uuid.UUID | None:
        """The workspace of a source; None where it is gone."""
        if source_id not in self._workspaces:
            found = Source.objects.filter(pk=source_id).values_list("workspace_id", flat=True).first()
            self._workspaces[source_id] = found
        return self._workspaces[source_id]

    def shape_of(self, workspace_id: uuid.UUID) -> tuple[int, Shape]:
        """The workspace's shape and the revision of the rules it was made with."""
        if workspace_id not in self._current:
            compiled, known = rules_of(workspace_id), self._shapes.get(workspace_id)
            if known is None or known[1].book is not compiled.book:
                known = self._shapes[workspace_id] = (compiled.revision, Shape(compiled.book))
            elif self._lost.get(workspace_id) != compiled.lost_samples:
                known[1].forget_samples()
            self._lost[workspace_id] = compiled.lost_samples
            self._current[workspace_id] = known
        return self._current[workspace_id]

    def look(self, source_id: uuid.UUID, event: Mapping[str, Any], hour: datetime) -> Look | None:
        """The fields of one event and what they are counted under; None where its source is gone."""
        workspace_id = self.workspace_of(source_id)
        if workspace_id is None:
            return None
        revision, shape = self.shape_of(workspace_id)
        name = event_name(event)
        if event["type"] == "track":  # names made of ids would otherwise give each field a row for each event
            name = self._names.of(source_id, hour.replace(hour=0), name)
        where = Where(workspace_id, source_id, event["type"], name, hour)
        return Look(where, revision, shape.fields_of(event))


def event_name(event: Mapping[str, Any]) -> str:
    """What an event is listed under: a track call's own name, else its type."""
    name = event.get("event") if event["type"] == "track" else None
    return storable(name, LONGEST_EVENT_NAME) if isinstance(name, str) and name else str(event["type"])


def _as_json(event: Mapping[str, Any]) -> bytes:
    """The event as a sample is kept; empty where it cannot be written."""
    if "previousId" in event:  # another id of the user, which no digest would find for deletion
        event = {name: value for name, value in event.items() if name != "previousId"}
    try:
        return orjson.dumps(event)
    except orjson.JSONEncodeError:  # halves of surrogate pairs, too many levels
        return b""
