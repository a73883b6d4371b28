"""Deleting a destination: it and all that is stored of it, but for the audit log. What waits is not sent."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction

from audit.event_types import EventType
from audit.record import record
from destinations.encryption import change
from destinations.models import Delivery, Destination
from workspaces.access import Right, require_right
from workspaces.models import User

TYPE_ITS_NAME = "Type the destination's name as it stands above."


def waiting_of(destination: Destination) -> int:
    """How many events wait for it, are held or failed, and would be gone with it."""
    return Delivery.objects.filter(destination=destination).exclude(status=Delivery.Status.DELIVERED).count()


@transaction.atomic
def delete_destination(destination: Destination, *, actor: User, typed_name: str) -> None:
    """Remove the destination with its settings, keys and deliveries; ValidationError unless its name was typed.

    The audit log keeps its rows, and this one names the public keys that values already delivered were encrypted under.
    """
    require_right(actor, destination.workspace, Right.EDIT_DESTINATIONS, source=destination.source)
    # Where another was faster there is nothing to lock, and nothing is recorded twice.
    locked = Destination.objects.select_for_update(of=("self",)).select_related("source").get(pk=destination.pk)
    if typed_name != locked.name:
        raise ValidationError({"typed_name": TYPE_ITS_NAME})
    change.drop_changes(locked, actor=actor)
    details = {
        "kind": locked.kind,
        "source": locked.source.name,
        "undelivered": waiting_of(locked),
        "keys": list(locked.public_keys.order_by("made_at").values_list("fingerprint", flat=True)),
    }
    record(
        EventType.DESTINATION_DELETED,
        actor=actor,
        workspace_id=locked.workspace_id,
        subject=locked,
        details=details,
    )
    # The key in force would protect itself from being deleted with its destination.
    Destination.objects.filter(pk=locked.pk).update(encrypts=False, public_key=None)
    locked.delete()
