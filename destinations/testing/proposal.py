"""A configuration that is not saved yet, as the plan the worker would compile from it."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from destinations.catalog.registry import connector
from destinations.encryption.cipher import ValueCipher
from destinations.encryption.fields import FieldEncryption
from destinations.encryption.keys import DEFAULT_KEY_SIZE, generate_key_pair
from destinations.filters.actions import Rule
from destinations.filters.running import compiled_filters
from destinations.models import Destination, Draft
from destinations.pipeline.plan import DestinationPlan, plan_of, withholding_of
from privacy.encryptable import encryptable_fields
from workspaces.models import Workspace


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would be changed; None leaves it as it is. `fields` are `kind:reference` values; none: no encryption.

    `rule` stands in for the filter `instead_of`, or is a further one.
    """

    fields: Collection[str] | None = None
    rule: Rule | None = None
    instead_of: uuid.UUID | None = None


def proposed_plan(destination: Destination, proposal: Proposal) -> DestinationPlan | None:
    """The plan with the changes in it; None where the destination's settings do not open."""
    plan = plan_of(destination)
    if plan is None:
        return None
    if proposal.rule is not None:
        filters = [each for each in destination.filters.all() if each.pk != proposal.instead_of]
        plan = replace(plan, filters=compiled_filters(filters, proposal.rule))
    if proposal.fields is None:
        return plan
    encryption = _of_destination(destination, proposal.fields) if proposal.fields else None
    withholding = withholding_of(destination, encryption) if destination.hold_unclassified else None
    return replace(plan, encrypts=encryption is not None, encryption=encryption, withholding=withholding)


def plan_of_draft(draft: Draft, fields: Collection[str], settings: Mapping[str, Any], *, bits: int) -> DestinationPlan:
    """The plan of the destination that the wizard would make; `fields` as in `Proposal`, `bits` of its key."""
    pending, encryption = draft.pending_key, None
    if fields:
        pem = pending.pem if pending is not None else _stand_in(bits)
        encryption = FieldEncryption(ValueCipher(pem), _terms(draft.workspace, fields, {}))
    return DestinationPlan(
        id=draft.pk,
        workspace_id=draft.workspace_id,
        connector=connector(draft.kind),
        settings=settings,
        encrypts=encryption is not None,
        encryption=encryption,
        key_fingerprint=pending.fingerprint if pending is not None else "",
    )


def _of_destination(destination: Destination, fields: Collection[str]) -> FieldEncryption:
    """Under the key in force, or under one nobody holds: the values are as long as they will be, and are only shown."""
    kept = {f"{row.kind}:{row.reference}": row.terms for row in destination.encrypted_fields.all()}
    key = destination.public_key
    pem = key.pem if destination.encrypts and key else _stand_in(DEFAULT_KEY_SIZE)
    return FieldEncryption(ValueCipher(pem), _terms(destination.workspace, fields, kept))


def _terms(workspace: Workspace, fields: Collection[str], kept: Mapping[str, list[str]]) -> list[str]:
    offered = {field.value: list(field.terms) for field in encryptable_fields(workspace)}
    return [term for value in fields for term in kept.get(value) or offered.get(value, [])]


@functools.cache
def _stand_in(bits: int) -> str:
    return generate_key_pair(bits).public_pem
