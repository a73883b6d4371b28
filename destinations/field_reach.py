"""What each destination gets of a field: in clear, encrypted, or not at all, and why."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.db.models import F

from destinations.models import Destination
from privacy.matchers import fold
from privacy.rulebooks import rules_of
from privacy.rules.book import Decision
from workspaces.access import Access, Right, within
from workspaces.models import Workspace


class Gets(enum.Enum):
    """In what form."""

    CLEAR = "In clear"
    ENCRYPTED = "Encrypted"
    PARTLY = "Encrypted in part"
    NOTHING = "Not at all"


@dataclass(frozen=True, slots=True)
class Reach:
    """One destination whose source sends the field; `why` in a few words, empty where there is nothing to add."""

    destination: Destination
    gets: Gets
    why: str = ""

    @property
    def badge(self) -> str:
        """The badge's colour."""
        return {Gets.CLEAR: "yellow", Gets.PARTLY: "yellow", Gets.ENCRYPTED: "green"}.get(self.gets, "neutral")


def reach_of(
    workspace: Workspace,
    names: Collection[str],
    sources: Collection[uuid.UUID],
    *,
    blocked_at: Collection[uuid.UUID] = (),
    access: Access,
) -> list[Reach]:
    """For the fields `names`, sent by `sources`: what each destination of these gets, of those the person may see.

    `blocked_at` are the sources at which the field is removed as it comes in. One query, and those of the rules where a
    destination holds unclassified fields back.
    """
    fed = Destination.objects.filter(workspace=workspace, source__in=sources)
    mine = fed.filter(within(access, Right.VIEW_DESTINATIONS, "source")).select_related("source")
    # A row for each field that a destination encrypts, one for a destination that encrypts none.
    chosen = {"chosen": F("encrypted_fields__reference"), "terms": F("encrypted_fields__terms")}
    told = mine.defer("sealed_settings").annotate(**chosen).order_by("name", "pk")
    by_destination = groupby(told, key=attrgetter("pk"))
    return [_reach_of(list(rows), names, blocked_at) for _, rows in by_destination]


def _reach_of(rows: list[Any], names: Collection[str], blocked_at: Collection[uuid.UUID]) -> Reach:
    """From a destination's rows, annotated with one chosen field and its terms each."""
    destination: Destination = rows[0]
    if destination.source_id in blocked_at:
        return Reach(destination, Gets.NOTHING, "Removed as it comes in, by Standard Controls")
    encrypts = rows if destination.encrypts else []
    return _reach(destination, names, {fold(term): row.chosen for row in encrypts for term in row.terms or ()})


def _reach(destination: Destination, names: Collection[str], terms: Mapping[str, str]) -> Reach:
    """`terms`: the folded terms it encrypts, each with the choice that brought it."""
    if not destination.enabled:
        return Reach(destination, Gets.NOTHING, "The destination is disabled")
    if not destination.source.enabled:
        return Reach(destination, Gets.NOTHING, "The source is disabled")
    if destination.hold_unclassified:
        book = rules_of(destination.workspace_id).book
        names = [name for name in names if _may_leave(book.classified(name), encrypted=_hit(name, terms) is not None)]
        if not names:
            return Reach(destination, Gets.NOTHING, "It holds back what is neither green nor encrypted")
    if not destination.encrypts:
        return Reach(destination, Gets.CLEAR)
    hits = [_hit(name, terms) for name in names]
    chosen = ", ".join(sorted({hit for hit in hits if hit is not None}))
    if not chosen:
        return Reach(destination, Gets.CLEAR, "Not among the fields it encrypts")
    return Reach(destination, Gets.ENCRYPTED if all(hits) else Gets.PARTLY, f"By its field {chosen}")


def _may_leave(said: Decision | None, *, encrypted: bool) -> bool:
    """The rule of `pipeline.withholding`."""
    return said is not None and (said.classification == "green" or (said.classification == "yellow" and encrypted))


def _hit(name: str, terms: Mapping[str, str]) -> str | None:
    """The choice that covers the field: by its last key, or by a key around it, which encrypts all it holds."""
    return next((terms[key] for key in map(fold, [name, *name.split(".")]) if key in terms), None)
