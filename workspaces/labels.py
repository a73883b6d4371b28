"""Labels: made once, put on sources, and a way to give roles by them. Never renamed (documented)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, QuerySet

from audit.event_types import EventType
from audit.record import record
from workspaces.access import Access, Right, lock_with_right, within
from workspaces.models import Label, Source, SourceLabel, User, Workspace

ENVIRONMENT = "environment"
DEFAULTS = ((ENVIRONMENT, "Dev"), (ENVIRONMENT, "Prod"))


def labels_of(workspace: Workspace, access: Access) -> QuerySet[Label]:
    """The labels with `on_sources`, how many of the sources the person may see carry each, and `in_roles`, how many
    roles are given by it.
    """
    seen = within(access, Right.VIEW_SOURCES, "source_labels__source")
    return workspace.labels.annotate(
        on_sources=Count("source_labels", filter=seen, distinct=True), in_roles=Count("given_by", distinct=True)
    )


def add_defaults(workspace: Workspace) -> None:
    """Give a new workspace the documented environments. Called by the verb that adds it."""
    Label.objects.bulk_create(Label(workspace=workspace, key=key, value=value) for key, value in DEFAULTS)


@transaction.atomic
def create_label(workspace: Workspace, *, key: str, value: str, description: str = "", actor: User) -> Label:
    """Make a label; raises ValidationError for one that is there already, in whatever spelling of case."""
    lock_with_right(actor, workspace, Right.MANAGE_LABELS)
    if workspace.labels.filter(key__iexact=key, value__iexact=value).exists():
        raise ValidationError({"value": f"The label {key}:{value} is there already."})
    known = workspace.labels.filter(key__iexact=key).first()
    label = Label(workspace=workspace, key=known.key if known else key, value=value, description=description)
    label.full_clean()
    label.save()
    _record(EventType.LABEL_CREATED, label, actor)
    return label


@transaction.atomic
def delete_label(label: Label, *, actor: User) -> None:
    """Remove a label; raises ValidationError while a source carries it or a role is given by it (documented)."""
    lock_with_right(actor, label.workspace, Right.MANAGE_LABELS)
    if label.source_labels.exists() or label.given_by.exists():
        raise ValidationError(f"{label} is in use. Take it off its sources and out of members' roles first.")
    _record(EventType.LABEL_DELETED, label, actor)
    label.delete()


@transaction.atomic
def set_labels(source: Source, label_ids: Iterable[uuid.UUID], *, actor: User) -> bool:
    """Let the source carry exactly these labels; whether that changed anything. One value for each key."""
    lock_with_right(actor, source.workspace, Right.MANAGE_LABELS)
    wanted = list(Label.objects.filter(workspace=source.workspace, pk__in=list(label_ids)))
    keys = [label.key.lower() for label in wanted]
    if len(set(keys)) < len(keys):
        raise ValidationError("A source carries one value for each key.")
    before = list(source.source_labels.select_related("label"))
    if {carried.label_id for carried in before} == {label.pk for label in wanted}:
        return False
    source.source_labels.all().delete()
    SourceLabel.objects.bulk_create(SourceLabel(source=source, label=label, key=label.key) for label in wanted)
    record(
        EventType.SOURCE_MODIFIED,
        actor=actor,
        workspace_id=source.workspace_id,
        subject=source,
        details={
            "changed": ["labels"],
            "before": sorted(str(carried.label) for carried in before),
            "after": sorted(map(str, wanted)),
        },
    )
    return True


def _record(event_type: EventType, label: Label, actor: User) -> None:
    record(event_type, actor=actor, workspace_id=label.workspace_id, subject=label)
