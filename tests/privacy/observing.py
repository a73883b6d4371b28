"""Fields as the pipeline's scan stores them, without a worker."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from privacy.models import ObservedField
from privacy.scanning import store
from privacy.scanning.scan import Scanner, Sightings
from workspaces.models import Source


def track(name: str = "Visit Booked", **properties: object) -> dict[str, Any]:
    """A track call of one patient."""
    return {"type": "track", "event": name, "userId": "patient-1", "messageId": "m-1", "properties": properties}


def observe(source: Source, *events: dict[str, Any], at: datetime | None = None) -> list[ObservedField]:
    """What a worker does with these events; the fields that are new."""
    at = at or datetime.now(UTC)
    scanner, sightings = Scanner(), Sightings()
    for event in events:
        look = scanner.look(source.pk, event, at.replace(minute=0, second=0, microsecond=0))
        assert look is not None
        sightings.keep_samples(source.pk, event, look.fields)
        sightings.count(look, at)
    with transaction.atomic():
        return store.write(sightings)


def field(name: str) -> ObservedField:
    return ObservedField.objects.get(name=name)
