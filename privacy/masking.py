"""What people without PII Access see of events: the keys, and dots where a value is restricted.

A value is masked where the rules take its field for red or yellow by name or by the value itself, where the inventory
says so or once did (green never un-masks, documented), where it stands below such a field, and where it says who the
end user is. Green in the inventory has no effect here (documented): matchers go on masking.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from privacy.matchers import folded
from privacy.models import InventoryField
from privacy.rulebooks import rules_of
from privacy.rules.book import RuleBook, last_key
from privacy.scanning.shape import SCANNED_OBJECTS
from workspaces.access import Access, Right

MASK = "\u2022" * 8  # whatever was there: its length would tell
DEEPEST = 64  # levels; what lies deeper is not shown
IDENTIFIERS = frozenset({"userId", "anonymousId", "previousId", "groupId"})
RESTRICTED = frozenset({"red", "yellow"})


@dataclass(frozen=True, slots=True)
class Masks:
    """A workspace's rules as masking asks them.

    `restricted` are folded names that the inventory holds, or once held, for red or yellow.
    """

    book: RuleBook
    restricted: frozenset[str]

    def hides_name(self, name: str) -> bool:
        """Whether a field of this dotted name is masked whatever its value is."""
        if folded(name) in self.restricted or folded(last_key(name)) in self.restricted:
            return True
        decision = self.book.recommend(name)
        return decision is not None and decision.classification in RESTRICTED

    def hides(self, name: str, value: object) -> bool:
        """Whether this value of this field is masked."""
        return self.hides_name(name) or self.book.recommend_value(value) is not None

    def event(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The event with its keys and shape, restricted values masked. null stays: it says nothing."""
        return {
            key: self._masked("" if key in SCANNED_OBJECTS else key, value, hidden=key in IDENTIFIERS, left=DEEPEST)
            for key, value in event.items()
        }

    def value(self, name: str, value: object) -> object:
        """One value of a field as those without PII Access see it."""
        return self._masked(name, value, hidden=self.hides_name(name), left=DEEPEST)

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


def masks_of(workspace_id: uuid.UUID) -> Masks:
    """The workspace's masks as they stand; two short queries where its rules have not changed."""
    compiled = rules_of(workspace_id)
    kept = _kept.get(workspace_id)
    if kept is None or kept[0] is not compiled.book:
        names = InventoryField.objects.filter(workspace_id=workspace_id, was_restricted=True).values_list(
            "folded", flat=True
        )
        kept = _kept[workspace_id] = (compiled.book, Masks(compiled.book, frozenset(names)))
    return kept[1]


_kept: dict[uuid.UUID, tuple[RuleBook, Masks]] = {}


def seen_by(access: Access, workspace_id: uuid.UUID, event: Mapping[str, Any]) -> dict[str, Any]:
    """The event as the person may see it: all of it with PII Access, else masked."""
    if access.may(Right.SEE_PII):
        return dict(event)
    return masks_of(workspace_id).event(event)
