"""Why a field has its colour: which rule decided, since when, by whom, what it causes. One answer for every page."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet, Subquery

from privacy.masking import RESTRICTED, masks_of
from privacy.matchers import folded
from privacy.models import (
    Classification,
    ClassificationChange,
    CustomMatcher,
    FieldEvent,
    InventoryField,
    ObservedField,
    StandardControl,
)
from privacy.rules.book import Class, Decision, How, Origin, last_key
from workspaces.access import Access, Right
from workspaces.models import Source, User, Workspace


@dataclass(frozen=True, slots=True)
class Explanation:
    """What decides about a field and what follows.

    `decision` is the rule in force, None where no rule knows the field; `instead` is what matchers and value checks say
    where the inventory goes before them. `since` and `by` are of that rule, empty for the built-in ones. `masked` says
    whether its values show as dots to people without PII Access.
    """

    name: str
    decision: Decision | None
    instead: Decision | None
    entry: InventoryField | None
    matcher: CustomMatcher | None
    since: datetime | None
    by: User | None
    reason: str
    masked: bool
    carried_by: list[Source]
    blocked_at: list[Source]

    @property
    def classification(self) -> Class:
        """The colour; what no rule knows is green (documented)."""
        return self.decision.classification if self.decision else "green"

    @property
    def sentence(self) -> str:
        """Which rule decided, in a sentence."""
        return tell(self.decision)

    @property
    def sentence_instead(self) -> str:
        """What would decide without the inventory; empty where nothing else speaks."""
        return tell(self.instead) if self.instead else ""

    @property
    def can_be_encrypted(self) -> bool:
        """Whether the colour lets destinations encrypt it (documented: yellow)."""
        return self.classification == "yellow"

    @property
    def goes_through_at(self) -> list[Source]:
        """Sources that send the field and do not remove it."""
        return [source for source in self.carried_by if source not in self.blocked_at]


def tell(decision: Decision | None) -> str:
    """A decision in a sentence."""
    if decision is None:
        return "No rule knows this field, so it counts as green."
    if decision.origin is Origin.INVENTORY:
        return f"An owner classified {decision.term} as {decision.classification} in the inventory."
    if decision.origin is Origin.CHECK:
        return f"A value of this field passed the built-in check for {_article(decision.term)}."
    rule = f"The {decision.origin.value} {decision.rule}"
    return f"{rule} {_how(decision)}, so it counts as {decision.classification}."


def _how(decision: Decision) -> str:
    if decision.how is How.SIMILAR:
        return f"has a term, “{decision.term}”, that the name resembles ({decision.score:.2f}, more than 0.70 counts)"
    if decision.how is How.WORD:
        return f"has a term, “{decision.term}”, that stands within the name"
    if decision.how is How.INSIDE:
        return f"has a term, “{decision.term}”, that a key around the field equals"
    if decision.how is How.PATTERN:
        return f"has a pattern that a value of this field matched: {decision.term}"
    return f"has a term, “{decision.term}”, that the name equals"


def _article(noun: str) -> str:
    return f"{'an' if noun[0].lower() in 'aei' else 'a'} {noun}"


def explain(workspace: Workspace, name: str, *, access: Access, observed: ObservedField | None = None) -> Explanation:
    """Explain a field by its name: its keys from the outermost on, joined by dots, or one key. At most five queries.

    `access` is the asking person's, who must be one that may classify fields: raises PermissionDenied. `observed` is
    the field's row, from `rows_to_explain`, where the caller has it: it knows what the field's values gave away.
    """
    if not access.may(Right.CLASSIFY_FIELDS):
        raise PermissionDenied(Right.CLASSIFY_FIELDS.phrase)
    observed = observed or rows_to_explain(workspace).filter(name=name).first()
    masks = masks_of(workspace.pk)
    recommended = masks.book.recommend(name) or _by_value(observed)
    decision = masks.book.classified(name) or recommended
    entry, reason = (observed.entry, vars(observed)["entry_reason"]) if observed else _entry_of(workspace, name)
    matcher = _matcher(workspace, decision)
    carrying = _carrying(workspace, name, entry) if observed or entry else []
    is_red = entry is not None and entry.classification == Classification.RED
    by_rule = masks.hides_name(name) or (recommended is not None and recommended.classification in RESTRICTED)
    return Explanation(
        name=name,
        decision=decision,
        instead=recommended if entry is not None else None,
        entry=entry,
        matcher=matcher,
        since=entry.classified_at if entry else (matcher.changed_at if matcher else None),
        by=entry.classified_by if entry else (matcher.created_by if matcher else None),
        reason=reason or "",
        masked=by_rule,
        carried_by=carrying,
        blocked_at=[source for source in carrying if is_red and vars(source)["blocks"]],
    )


def rows_to_explain(workspace: Workspace) -> QuerySet[ObservedField]:
    """Fields with the entry that speaks for each, who classified it, and as `entry_reason` why."""
    rows = ObservedField.objects.filter(workspace=workspace).defer("sealed_sample")
    return rows.select_related("entry__classified_by").annotate(entry_reason=_reason_of("entry"))


def blocking(source_ids: Collection[uuid.UUID]) -> frozenset[uuid.UUID]:
    """Those of the sources at which red fields of the inventory are removed as they come in."""
    return frozenset(StandardControl.objects.filter(source__in=source_ids).values_list("source", flat=True))


def _reason_of(entry: str) -> Subquery:
    return Subquery(ClassificationChange.objects.filter(field=OuterRef(entry)).values("reason")[:1])


def _entry_of(workspace: Workspace, name: str) -> tuple[InventoryField | None, str | None]:
    """The entry that speaks for a field nobody has seen, by its whole name, else by its last key; and why."""
    whole = folded(name)
    rows = workspace.inventory.filter(folded__in={whole, folded(last_key(name))}).select_related("classified_by")
    found = {entry.folded: entry for entry in rows.annotate(reason=_reason_of("pk"))}
    entry = found.get(whole) or next(iter(found.values()), None)
    return entry, vars(entry)["reason"] if entry else None


def _by_value(observed: ObservedField | None) -> Decision | None:
    """What a value of the field gave away, as the scan noted it."""
    if observed is None or not observed.by_value or not observed.origin:
        return None
    return Decision(
        cast(Class, observed.recommended),
        Origin(observed.origin),
        observed.rule,
        How(observed.how),
        observed.term,
        observed.score,
    )


def _matcher(workspace: Workspace, decision: Decision | None) -> CustomMatcher | None:
    if decision is None or decision.origin is not Origin.CUSTOM:
        return None
    return workspace.matchers.select_related("created_by").filter(folded=folded(decision.rule)).first()


def _carrying(workspace: Workspace, name: str, entry: InventoryField | None) -> list[Source]:
    """Sources that sent the field: every spelling of it where it is in the inventory. `blocks`: red fields there."""
    events = FieldEvent.objects.filter(field__workspace=workspace).order_by()
    seen = events.filter(field__entry=entry) if entry is not None else events.filter(field__name=name)
    sources = Source.objects.filter(pk__in=seen.values("source").distinct()).order_by("name")
    return list(sources.annotate(blocks=Exists(StandardControl.objects.filter(source=OuterRef("pk")))))
