"""Filters as people change them. Each verb checks the right, writes, tells the workers and records, in one go.

What a condition compares with may be somebody's data: the audit log gets the names of what changed, never the values.
"""

from __future__ import annotations

import uuid

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.shortcuts import get_object_or_404

from audit.event_types import EventType
from audit.record import record
from destinations.filters.builder import Answers, answers_of, rule_of
from destinations.filters.syntax import FilterSyntaxError
from destinations.models import Destination, Filter
from workspaces.access import Right, require_right
from workspaces.models import User

MOST_FILTERS = 10  # of one destination (documented)
TOO_MANY = f"A destination can have {MOST_FILTERS} filters. Delete one first."


def find(destination: Destination, filter_id: uuid.UUID, *, actor: User) -> Filter:
    """One filter of the destination, to be changed; raises Http404."""
    require_right(actor, destination.workspace, Right.EDIT_DESTINATIONS, source=destination.source)
    return get_object_or_404(Filter, pk=filter_id, destination=destination)


@transaction.atomic
def create_filter(destination: Destination, answers: Answers, *, actor: User) -> Filter:
    """Add a filter; raises ValidationError where it cannot be compiled, its name is taken or ten are there."""
    destination = _lock(destination, actor)
    if destination.filters.count() >= MOST_FILTERS:
        raise ValidationError(TOO_MANY)
    _check(destination, answers)
    made = Filter.objects.create(
        destination=destination, name=answers.name, enabled=answers.enabled, answers=answers.as_json()
    )
    _tell(destination)
    _record(EventType.FILTER_CREATED, made, destination, actor, action=answers.action, enabled=answers.enabled)
    return made


@transaction.atomic
def change_filter(found: Filter, answers: Answers, *, actor: User) -> list[str]:
    """Give the filter these answers; the names of what changed, empty where nothing did."""
    destination = _lock(found.destination, actor)
    found = get_object_or_404(Filter.objects.select_for_update(), pk=found.pk, destination=destination)
    before, after = _facts(answers_of(found.name, found.answers, enabled=found.enabled)), _facts(answers)
    changed = sorted(name for name in after if before[name] != after[name])
    if not changed:
        return []
    _check(destination, answers, but=found.pk)
    found.name, found.enabled, found.answers = answers.name, answers.enabled, answers.as_json()
    found.save(update_fields=["name", "enabled", "answers"])
    _tell(destination)
    _record(EventType.FILTER_MODIFIED, found, destination, actor, changed=changed)
    return changed


@transaction.atomic
def delete_filter(found: Filter, *, actor: User) -> None:
    """Remove the filter."""
    destination = _lock(found.destination, actor)
    found = get_object_or_404(Filter.objects.select_for_update(), pk=found.pk, destination=destination)
    _record(EventType.FILTER_DELETED, found, destination, actor)
    found.delete()
    _tell(destination)


def _facts(answers: Answers) -> dict[str, object]:
    return {"name": answers.name, "enabled": answers.enabled, **answers.as_json()}


def _check(destination: Destination, answers: Answers, *, but: uuid.UUID | None = None) -> None:
    others = destination.filters.filter(name__iexact=answers.name)
    if (others.exclude(pk=but) if but else others).exists():
        raise ValidationError({"name": "This destination already has a filter of that name."})
    try:
        rule_of(answers)
    except FilterSyntaxError as error:
        raise ValidationError(str(error)) from None


def _lock(destination: Destination, actor: User) -> Destination:
    require_right(actor, destination.workspace, Right.EDIT_DESTINATIONS, source=destination.source)
    return Destination.objects.select_for_update(of=("self",)).select_related("workspace").get(pk=destination.pk)


def _tell(destination: Destination) -> None:
    """Move the revision: workers compile the destination anew."""
    Destination.objects.filter(pk=destination.pk).update(revision=F("revision") + 1)


def _record(event_type: EventType, found: Filter, destination: Destination, actor: User, **details: object) -> None:
    facts = {"destination": str(destination.pk), **details}
    record(event_type, actor=actor, workspace_id=destination.workspace_id, subject=found, details=facts)
