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
from destinations.catalog.registry import CONNECTORS, sent_kinds
from destinations.encryption.cipher import ValueCipher
from destinations.encryption.fields import FieldEncryption
from destinations.filters.running import compiled_filters
from destinations.models import Destination
from destinations.pipeline.withholding import Withholding
from destinations.settings_store import open_settings
from privacy.rulebooks import rules_of
from workspaces.sealing import SealError

logger = logging.getLogger(__name__)

STALE_SECONDS = 60.0  # what a page promises, whatever the look for changes missed

# Moves with every change of a destination, with every source that is enabled or disabled, and with the rules. Plain
# SQL: the ORM would cost as much as a small batch.
STATE = """
SELECT destination.id, destination.revision, source.enabled, rules.revision
FROM destinations_destination AS destination JOIN workspaces_source AS source ON source.id = destination.source_id
LEFT JOIN privacy_rulerevision AS rules ON rules.workspace_id = destination.workspace_id
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
    protection: int = 1  # moves when more is encrypted or held back
    key_id: uuid.UUID | None = None
    filters: tuple[Filter, ...] = ()
    withholding: Withholding | None = None  # None: every field may leave

    @property
    def integration(self) -> str:
        """The destination's key in an event's `integrations` object."""
        return self.connector.entry.name

    @property
    def event_types(self) -> frozenset[str]:
        """What the destination takes: all that its kind does, or of those the ones its settings choose."""
        taken, chosen = self.connector.entry.event_types, self.settings.get("event_types")
        return taken & frozenset(chosen) if chosen else taken


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
        enabled = Destination.objects.filter(enabled=True, source__enabled=True, kind__in=sent_kinds())
        self.by_id, self.by_source = {}, {}
        for destination in enabled.select_related("public_key").prefetch_related("encrypted_fields", "filters"):
            if (plan := _compiled(destination)) is not None:
                self.by_id[plan.id] = plan
                self.by_source.setdefault(destination.source_id, []).append(plan)


def plan_of(destination: Destination) -> DestinationPlan | None:
    """The plan of one destination as it stands, enabled or not; None where its settings do not open."""
    return _compiled(destination)


def _compiled(destination: Destination) -> DestinationPlan | None:
    try:
        settings = open_settings(destination.sealed_settings, owner_id=destination.pk)
    except SealError:
        logger.exception("the settings of destination %s do not open; it gets nothing until they do", destination.pk)
        return None
    encryption = _encryption(destination) if destination.encrypts else None
    return DestinationPlan(
        id=destination.pk,
        workspace_id=destination.workspace_id,
        connector=CONNECTORS[destination.kind],
        settings=settings,
        encrypts=destination.encrypts,
        encryption=encryption,
        withholding=withholding_of(destination, encryption) if destination.hold_unclassified else None,
        key_fingerprint=destination.public_key.fingerprint if destination.encrypts and destination.public_key else "",
        protection=destination.protection,
        key_id=destination.public_key_id if destination.encrypts else None,
        filters=compiled_filters(destination.filters.all()),
    )


def withholding_of(destination: Destination, encryption: FieldEncryption | None) -> Withholding:
    """What may not leave for the destination, by the workspace's rules of today."""
    book = rules_of(destination.workspace_id).book

    def class_of(path: str) -> str | None:
        said = book.classified(path)
        return said.classification if said is not None else None

    return Withholding(class_of, encryption.covers if encryption is not None else lambda _key: False)


def _encryption(destination: Destination) -> FieldEncryption | None:
    terms = [term for chosen in destination.encrypted_fields.all() for term in chosen.terms]
    try:
        return FieldEncryption(ValueCipher(destination.public_key.pem), terms) if destination.public_key else None
    except ValueError:
        logger.exception("the public key of destination %s cannot be used; its events are held", destination.pk)
        return None
