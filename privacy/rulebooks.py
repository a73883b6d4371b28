"""Compiled rules of every workspace, made anew when their revision moves."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain
from typing import cast

from django.db.models import F

from privacy.matchers import folded
from privacy.models import CustomMatcher, InventoryField, RuleRevision
from privacy.rules.book import Class, Rule, RuleBook, last_key

CHUNK = 500  # names asked for at once


@dataclass(frozen=True, slots=True)
class Compiled:
    """A workspace's rules as of one revision (0: they never changed).

    `lost_samples` moves when samples of its fields were removed, which no rule depends on.
    """

    revision: int
    book: RuleBook
    lost_samples: int = 0


_kept: dict[uuid.UUID, Compiled] = {}


def rules_of(workspace_id: uuid.UUID) -> Compiled:
    """The workspace's rules as they stand; one short query where they have not changed."""
    moved = RuleRevision.objects.filter(pk=workspace_id).values_list("revision", "lost_samples").first()
    revision, lost_samples = moved or (0, 0)
    kept = _kept.get(workspace_id)
    if kept is None or kept.revision != revision:
        kept = _kept[workspace_id] = Compiled(revision, compile_book(workspace_id), lost_samples)
    elif kept.lost_samples != lost_samples:
        kept = _kept[workspace_id] = replace(kept, lost_samples=lost_samples)
    return kept


def compile_book(workspace_id: uuid.UUID) -> RuleBook:
    """The rule book, read from the database."""
    custom = [as_rule(matcher) for matcher in CustomMatcher.objects.filter(workspace_id=workspace_id)]
    inventory = InventoryField.objects.filter(workspace_id=workspace_id).values_list("name", "classification")
    return RuleBook(custom, {name: cast(Class, classification) for name, classification in inventory})


def entries_of(workspace_id: uuid.UUID, names: Iterable[str]) -> dict[str, InventoryField]:
    """The inventory's entry for each of the fields that has one, found in the order of `RuleBook.classified`."""
    asked = {name: (folded(name), folded(last_key(name))) for name in names}
    wanted = sorted(set(chain.from_iterable(asked.values())))
    entries: dict[str, InventoryField] = {}
    for start in range(0, len(wanted), CHUNK):
        some = InventoryField.objects.filter(workspace_id=workspace_id, folded__in=wanted[start : start + CHUNK])
        entries.update({entry.folded: entry for entry in some})
    told = {name: entries.get(whole) or entries.get(key) for name, (whole, key) in asked.items()}
    return {name: entry for name, entry in told.items() if entry is not None}


def as_rule(matcher: CustomMatcher) -> Rule:
    """A custom matcher as the engine takes it."""
    return Rule(
        name=matcher.name,
        classification="red" if matcher.classification == CustomMatcher.Colour.RED else "yellow",
        terms=matcher.terms,
        on="value" if matcher.matches_on == CustomMatcher.MatchesOn.VALUE else "key",
        similar=matcher.that_is == CustomMatcher.ThatIs.SIMILAR,
    )


def move(workspace_id: uuid.UUID, *, matchers: bool = False) -> int:
    """Note a change of the rules, in the caller's transaction; the new revision. `matchers`: it is one of matchers."""
    RuleRevision.objects.get_or_create(pk=workspace_id, defaults={"revision": 0})
    moved = F("revision") + 1
    RuleRevision.objects.filter(pk=workspace_id).update(revision=moved, **({"matchers": moved} if matchers else {}))
    return RuleRevision.objects.get(pk=workspace_id).revision


def note_lost_samples(workspace_id: uuid.UUID) -> None:
    """Let workers keep new samples of fields that lost theirs, in the caller's transaction."""
    RuleRevision.objects.get_or_create(pk=workspace_id, defaults={"revision": 0})
    RuleRevision.objects.filter(pk=workspace_id).update(lost_samples=F("lost_samples") + 1)
