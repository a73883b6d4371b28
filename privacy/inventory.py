"""The inventory: what the workspace's owners say their fields are."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from audit.event_types import EventType
from audit.record import record
from privacy import rulebooks
from privacy.locking import lock_in_order
from privacy.matchers import folded
from privacy.models import Classification, ClassificationChange, InventoryField, ObservedField
from workspaces.access import Right, require_right
from workspaces.models import User, Workspace

LONGEST_REASON = 200  # characters


def classify_field(
    workspace: Workspace, *, name: str, classification: Classification, reason: str = "", actor: User
) -> InventoryField:
    """Give the field a class, in the inventory from now on; holds for every source and event of the workspace.

    It leaves the inbox, in every spelling rules take as equal. What was once red or yellow stays masked for people
    without PII Access (documented).
    """
    return classify_fields(workspace, {name: classification}, reason=reason, actor=actor)[0]


@transaction.atomic
def classify_fields(
    workspace: Workspace, classes: Mapping[str, Classification], *, reason: str = "", actor: User
) -> list[InventoryField]:
    """Give each of the named fields its class, all or none. A row of the audit log tells of each."""
    require_right(actor, workspace, Right.CLASSIFY_FIELDS)
    Workspace.objects.select_for_update().get(pk=workspace.pk)  # two spellings of one field at once become one entry
    _lock_observed(workspace, [folded(name) for name in classes])
    fields = [_classify(workspace, name, told, reason, actor) for name, told in classes.items()]
    if fields:
        rulebooks.move(workspace.pk)
    return fields


def _classify(
    workspace: Workspace, name: str, classification: Classification, reason: str, actor: User
) -> InventoryField:
    field = InventoryField.objects.filter(workspace=workspace, folded=folded(name)).first()
    before = field.classification if field else ""
    if field is None:
        field = InventoryField(workspace=workspace, name=name, folded=folded(name))
    field.classification = classification
    field.was_restricted = field.was_restricted or classification != Classification.GREEN
    field.classified_at = timezone.now()
    field.classified_by = actor
    field.save()
    ClassificationChange.objects.create(
        field=field, before=before, after=classification, changed_by=actor, reason=reason[:LONGEST_REASON]
    )
    if not before:
        _take_from_inbox(field)
    details = {"before": before or None, "after": classification.value, **({"reason": reason} if reason else {})}
    event_type = EventType.FIELD_CLASSIFICATION_CHANGED
    record(event_type, actor=actor, workspace_id=workspace.pk, subject=field, label=field.name, details=details)
    return field


def _lock_observed(workspace: Workspace, terms: list[str]) -> None:
    """Take every row that entries of these names may speak for: workers change the same rows."""
    observed = ObservedField.objects.filter(workspace=workspace)
    found = observed.filter(Q(folded_name__in=terms) | Q(folded_key__in=terms))
    lock_in_order(ObservedField, found.values_list("pk", flat=True))


def _take_from_inbox(field: InventoryField) -> None:
    """Put the entry to every observed field it speaks for; one that names the whole of a field goes before others."""
    observed = ObservedField.objects.filter(workspace_id=field.workspace_id)
    of_key = Q(folded_key=field.folded) & (Q(entry=None) | ~Q(entry__folded=F("folded_name")))
    found = observed.filter(Q(folded_name=field.folded) | of_key).values_list("pk", flat=True)
    observed.filter(pk__in=list(found)).update(entry=field, in_inventory=True, chosen="")
