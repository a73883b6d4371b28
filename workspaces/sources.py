"""What can be done with a source: add, rename, enable, disable. Its kind and slug never change."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction

from audit.event_types import EventType
from audit.record import record
from workspaces import write_keys
from workspaces.access import Right, require_right
from workspaces.catalog import BY_SLUG
from workspaces.models import Source, User, Workspace
from workspaces.slugs import RESERVED_FOR_SOURCES, unique_slug


@transaction.atomic
def add_source(workspace: Workspace, *, kind: str, name: str, actor: User) -> Source:
    """Add a source with a write key, active at once; raise ValidationError for an unknown kind or a name in use."""
    require_right(actor, workspace, Right.ADD_SOURCES)
    if kind not in BY_SLUG:
        raise ValidationError("There is no such source type.")
    _require_free_name(workspace, name)
    taken = {*workspace.sources.values_list("slug", flat=True), *RESERVED_FOR_SOURCES}
    slug = unique_slug(name, taken=taken, fallback=kind)
    source = Source.objects.create(workspace=workspace, kind=kind, name=name, slug=slug)
    write_keys.issue(source)
    record(
        EventType.SOURCE_CREATED,
        actor=actor,
        workspace_id=workspace.pk,
        subject=source,
        details={"type": kind, "slug": source.slug},
    )
    return source


@transaction.atomic
def rename_source(source: Source, *, name: str, actor: User) -> None:
    """Give the source another name; raise ValidationError where another source has it. No-op if unchanged."""
    require_right(actor, source.workspace, Right.EDIT_SOURCES, source=source)
    if name == source.name:
        return
    _require_free_name(source.workspace, name, but_for=source)
    before, source.name = source.name, name
    source.save(update_fields=["name"])
    record(
        EventType.SOURCE_MODIFIED,
        actor=actor,
        workspace_id=source.workspace_id,
        subject=source,
        details={"changed": ["name"], "before": before, "after": name},
    )


def enable_source(source: Source, *, actor: User) -> None:
    """Take events of the source again. No-op if it is enabled."""
    _switch(source, enabled=True, actor=actor)


def disable_source(source: Source, *, actor: User) -> None:
    """Take no more events of the source; what came in stays. No-op if it is disabled."""
    _switch(source, enabled=False, actor=actor)


@transaction.atomic
def _switch(source: Source, *, enabled: bool, actor: User) -> None:
    require_right(actor, source.workspace, Right.EDIT_SOURCES, source=source)
    if source.enabled == enabled:
        return
    source.enabled = enabled
    source.save(update_fields=["enabled"])
    event_type = EventType.SOURCE_ENABLED if enabled else EventType.SOURCE_DISABLED
    record(event_type, actor=actor, workspace_id=source.workspace_id, subject=source)


def _require_free_name(workspace: Workspace, name: str, *, but_for: Source | None = None) -> None:
    # Two people at once could both find it free, and be given the same slug.
    Workspace.objects.select_for_update().get(pk=workspace.pk)
    others = workspace.sources.filter(name__iexact=name)
    if (others.exclude(pk=but_for.pk) if but_for else others).exists():
        raise ValidationError({"name": "Another source of this workspace has this name."})
