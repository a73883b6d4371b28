"""The inventory: what the workspace's owners say their fields are."""

from django.db import transaction

from audit.event_types import EventType
from audit.record import record
from privacy.models import Classification, InventoryField
from workspaces.access import Right, require_right
from workspaces.models import User, Workspace


@transaction.atomic
def classify_field(workspace: Workspace, *, name: str, classification: Classification, actor: User) -> InventoryField:
    """Give the field a class, in the inventory from now on; holds for every source and event of the workspace."""
    require_right(actor, workspace, Right.CLASSIFY_FIELDS)
    known = InventoryField.objects.select_for_update().filter(workspace=workspace, name=name).first()
    before = known.classification if known else None
    field, _ = InventoryField.objects.update_or_create(
        workspace=workspace, name=name, defaults={"classification": classification}
    )
    details = {"before": before, "after": classification.value}
    event_type = EventType.FIELD_CLASSIFICATION_CHANGED
    record(event_type, actor=actor, workspace_id=workspace.pk, subject=field, label=name, details=details)
    return field
