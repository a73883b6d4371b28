"""What people without PII Access see of events: the keys, and dots where a value is restricted.

A value is masked where the rules take its field for red or yellow by name, by the value itself or by one the field held
before, where the inventory says so or once did (green never un-masks, documented), where it stands below such a field,
and where it says who the end user is. Green in the inventory has no effect here (documented): matchers go on masking.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from privacy.matchers import folded
from privacy.models import InventoryField, ObservedField
from privacy.rulebooks import rules_of
from privacy.rules.book import RuleBook, last_key
from privacy.scanning.shape import LONGEST_NAME, SCANNED_OBJECTS, Shape, storable
from workspaces.access import Access, Right

MASK = "\u2022" * 8  # whatever was there: its length would tell
DEEPEST = 64  # levels; what lies deeper is not shown
IDENTIFIERS = frozenset({"userId", "anonymousId", "previousId", "groupId"})
RESTRICTED = frozenset({"red", "yellow"})
VIEWS = frozenset({"page", "screen"})  # events with a name of their own
CHUNK = 500  # names asked for at once


@dataclass(frozen=True, slots=True)
class Masks:
    """A workspace's rules as masking asks them.

    `restricted` are folded names that the inventory holds, or once held, for red or yellow; `given_away` fields of the
    events in question that are red or yellow because of a value they held before.
    """

    book: RuleBook
    restricted: frozenset[str]
    given_away: frozenset[str] = frozenset()

    def hides_name(self, name: str) -> bool:
        """Whether a field of this dotted name is masked whatever its value is."""
        if folded(name) in self.restricted or folded(last_key(name)) in self.restricted:
            return True
        if self.given_away and storable(name, LONGEST_NAME) in self.given_away:
            return True
        decision = self.book.recommend(name)
        return decision is not None and decision.classification in RESTRICTED

    def hides(self, name: str, value: object) -> bool:
        """Whether this value of this field is masked."""
        return self.hides_name(name) or self.book.recommend_value(value) is not None

    def event(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The event with its keys and shape, restricted values masked. null stays: it says nothing."""
        return {key: self._part(key, value, is_view=event.get("type") in VIEWS) for key, value in event.items()}

    def value(self, name: str, value: object) -> object:
        """One value of a field as those without PII Access see it."""
        return self._masked(name, value, hidden=self.hides_name(name), left=DEEPEST)

    def _part(self, key: str, value: object, *, is_view: bool) -> Any:
        """One of the event's own keys. No scan looks at those that nobody documented, so their names decide."""
        if key in SCANNED_OBJECTS:
            return self._masked("", value, hidden=False, left=DEEPEST)
        hidden = key in IDENTIFIERS or (self.hides_name(key) and not (is_view and key == "name"))
        return self._masked(key, value, hidden=hidden, left=DEEPEST)

    def _masked(self, name: str, value: object, *, hidden: bool, left: int) -> Any:
        if value is None:
            return None
        if not left:
            return MASK
        if isinstance(value, dict):
            return {key: self._below(key, name, held, hidden=hidden, left=left - 1) for key, held in value.items()}
        if isinstance(value, list):
            return [self._masked(name, held, hidden=hidden, left=left - 1) for held in value]
        return MASK if hidden or self.book.recommend_value(value) is not None else value

    def _below(self, key: str, outer: str, value: object, *, hidden: bool, left: int) -> Any:
        name = f"{outer}.{key}" if outer else key
        hidden = hidden or key in IDENTIFIERS or self.hides_name(name)
        return self._masked(name, value, hidden=hidden, left=left)


def masks_of(workspace_id: uuid.UUID, events: Iterable[Mapping[str, Any]] = ()) -> Masks:
    """The workspace's masks as they stand, for these events: a query for each 500 of their fields.

    Two short queries more, where the workspace's rules have changed; one, where they have not.
    """
    compiled = rules_of(workspace_id)
    kept = _kept.get(workspace_id)
    if kept is None or kept[0] is not compiled.book:
        names = InventoryField.objects.filter(workspace_id=workspace_id, was_restricted=True).values_list(
            "folded", flat=True
        )
        kept = _kept[workspace_id] = (compiled.book, Masks(compiled.book, frozenset(names)))
    given_away = _given_away(workspace_id, compiled.book, events)
    return replace(kept[1], given_away=given_away) if given_away else kept[1]


_kept: dict[uuid.UUID, tuple[RuleBook, Masks]] = {}


def _given_away(workspace_id: uuid.UUID, book: RuleBook, events: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Which of the events' fields the scan found red or yellow by a value."""
    shape = Shape(book)
    wanted = sorted({field.name for event in events for field in shape.fields_of(event) if field.by_name is None})
    found: set[str] = set()
    for start in range(0, len(wanted), CHUNK):
        rows = ObservedField.objects.filter(workspace_id=workspace_id, name__in=wanted[start : start + CHUNK])
        found.update(rows.filter(by_value=True, recommended__in=RESTRICTED).values_list("name", flat=True))
    return frozenset(found)


def seen_by(access: Access, workspace_id: uuid.UUID, event: Mapping[str, Any]) -> dict[str, Any]:
    """The event as the person may see it: all of it with PII Access, else masked."""
    return all_seen_by(access, workspace_id, [event])[0]


def all_seen_by(access: Access, workspace_id: uuid.UUID, events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same of several events at once."""
    if access.may(Right.SEE_PII):
        return [dict(event) for event in events]
    masks = masks_of(workspace_id, events)
    return [masks.event(event) for event in events]
