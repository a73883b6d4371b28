"""Which destinations encrypt by a custom matcher or one of its synonyms: asked before a matcher is taken away."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from destinations.models import EncryptedField
from privacy.uses import Use

OF_MATCHERS = (EncryptedField.Kind.CUSTOM_MATCHER, EncryptedField.Kind.SYNONYM)


def encrypting(workspace_id: uuid.UUID, terms: Collection[str]) -> list[Use]:
    """One use for each destination and term, by the destination's name."""
    chosen = EncryptedField.objects.filter(
        destination__workspace_id=workspace_id, kind__in=OF_MATCHERS, reference__in=terms
    )
    found = chosen.order_by("destination__name", "reference").values_list(
        "destination__name", "reference", "destination_id"
    )
    return [Use(name, reference, "destination_encryption", pk) for name, reference, pk in found]
