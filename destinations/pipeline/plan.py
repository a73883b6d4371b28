"""Compiled plans: what the worker needs of each destination, rebuilt when the configuration changes."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from django.db import connection

from destinations.catalog.base import Connector
from destinations.catalog.registry import CONNECTORS
from destinations.encryption.cipher import ValueCipher
from destinations.encryption.fields import FieldEncryption
from destinations.models import Destination
from destinations.settings_store import open_settings
from workspaces.sealing import SealError

logger = logging.getLogger(__name__)

STALE_SECONDS = 60.0  # what a page promises, whatever the look for changes missed

# Moves with every change of a destination and with every source that is enabled or disabled. Plain SQL: the ORM would
# cost as much as a small batch.
STATE = """
SELECT destination.id, destination.revision, source.enabled
FROM destinations_destination AS destination JOIN workspaces_source AS source ON source.id = destination.source_id
"""

Filter = Callable[[dict[str, Any]], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class DestinationPlan:
    """One enabled destination, ready to run. `encryption` is None with `encrypts` true where its key cannot be used."""

    id: uuid.UUID
    workspace_id: uuid.UUID
    connector: Connector
    settings: Mapping[str, Any]
    encrypts: bool
    encryption: FieldEncryption | None
    key_fingerprint: str
    filters: tuple[Filter, ...] = ()

    @property
    def integration(self) -> str:
        """The destination's key in an event's `integrations` object."""
        return self.connector.entry.name

    @property
    def event_types(self) -> frozenset[str]:
        """What the destination takes."""
        return self.connector.entry.event_types


class Plans:
    """The plans of every enabled destination, by id and by source."""

    def __init__(self) -> None:
        self.by_id: dict[uuid.UUID, DestinationPlan] = {}
        self.by_source: dict[uuid.UUID, list[DestinationPlan]] = {}
        self._state: frozenset[tuple[Any, ...]] | None = None
        self._stale = 0.0

    def refresh(self) -> None:
        """Look for a change and compile anew if there is one.

        Asked after a batch was read and before it is prepared: so what was saved before an event was accepted holds
        for that event, encryption above all.
        """
        with connection.cursor() as cursor:
            cursor.execute(STATE)
            state = frozenset(cursor.fetchall())
        if state != self._state or monotonic() >= self._stale:
            self._compile()
            self._state, self._stale = state, monotonic() + STALE_SECONDS

    def _compile(self) -> None:
        enabled = Destination.objects.filter(enabled=True, source__enabled=True, kind__in=CONNECTORS)
        self.by_id, self.by_source = {}, {}
        for destination in enabled.select_related("public_key").prefetch_related("encrypted_fields"):
            if (plan := _compiled(destination)) is not None:
                self.by_id[plan.id] = plan
                self.by_source.setdefault(destination.source_id, []).append(plan)


def _compiled(destination: Destination) -> DestinationPlan | None:
    try:
        settings = open_settings(destination.sealed_settings, owner_id=destination.pk)
    except SealError:
        logger.exception("the settings of destination %s do not open; it gets nothing until they do", destination.pk)
        return None
    return DestinationPlan(
        id=destination.pk,
        workspace_id=destination.workspace_id,
        connector=CONNECTORS[destination.kind],
        settings=settings,
        encrypts=destination.encrypts,
        encryption=_encryption(destination) if destination.encrypts else None,
        key_fingerprint=destination.public_key.fingerprint if destination.encrypts and destination.public_key else "",
    )


def _encryption(destination: Destination) -> FieldEncryption | None:
    terms = [term for chosen in destination.encrypted_fields.all() for term in chosen.terms]
    try:
        return FieldEncryption(ValueCipher(destination.public_key.pem), terms) if destination.public_key else None
    except ValueError:
        logger.exception("the public key of destination %s cannot be used; its events are held", destination.pk)
        return None
