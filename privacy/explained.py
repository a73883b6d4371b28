"""Fields that other pages name, with what each is explained by: its id, as a client's name stays out of addresses."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from privacy.masking import RESTRICTED
from privacy.models import ObservedField
from privacy.rulebooks import rules_of
from privacy.scanning.shape import Shape

CHUNK = 500  # names asked for at once
MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Named:
    """A field by name, and the id its explanation is found by; None where the scan has no row of it."""

    name: str
    id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class Coloured:
    """A restricted field of one event: red or yellow."""

    name: str
    id: uuid.UUID | None
    colour: str


def ids_of(workspace_id: uuid.UUID, names: Iterable[str]) -> dict[str, uuid.UUID]:
    """The ids of those of the names that the scan has seen. One query for each 500."""
    wanted = sorted(set(names))
    found: dict[str, uuid.UUID] = {}
    for start in range(0, len(wanted), CHUNK):
        some = ObservedField.objects.filter(workspace_id=workspace_id, name__in=wanted[start : start + CHUNK])
        found.update(some.values_list("name", "pk"))
    return found


def restricted_in(workspace_id: uuid.UUID, event: Mapping[str, Any]) -> list[Coloured]:
    """The event's red and yellow fields by name, at most `MOST_SHOWN`: what the inventory says, else the matchers.

    For those who may classify: that a check of the value hit tells what the value is.
    """
    book = rules_of(workspace_id).book
    colours: dict[str, str] = {}
    for field in Shape(book).fields_of(event):
        decision = book.classified(field.name) or field.decision
        if decision is not None and decision.classification in RESTRICTED:
            colours[field.name] = decision.classification
    shown = sorted(colours)[:MOST_SHOWN]
    ids = ids_of(workspace_id, shown)
    return [Coloured(name, ids.get(name), colours[name]) for name in shown]
