"""Destinations as people see and change them: find, create, change. Each verb checks, writes and records."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone

from audit.event_types import EventType
from audit.record import record
from destinations import drafts
from destinations.drafts import Answers
from destinations.encryption import setup
from destinations.encryption.change import CHANGED_SINCE
from destinations.kinds import require_encryption
from destinations.models import Destination, Draft
from destinations.settings_store import open_settings, seal_settings
from workspaces.access import Right, require_right, within
from workspaces.models import User, Workspace

NAME_TAKEN = "This workspace already has a destination of that name."


def find(destination_id: uuid.UUID, *, actor: User, workspace: Workspace) -> Destination:
    """One destination of the workspace with its source and key; raises Http404 where the actor may see none."""
    access = require_right(actor, workspace, Right.VIEW_DESTINATIONS)
    mine = Destination.objects.filter(within(access, Right.VIEW_DESTINATIONS, "source"))
    related = mine.select_related("workspace", "source", "public_key__made_by")
    return get_object_or_404(related, pk=destination_id, workspace=workspace)


def settings_of(destination: Destination) -> dict[str, Any]:
    """The connector's settings, opened."""
    return open_settings(destination.sealed_settings, owner_id=destination.pk)


@transaction.atomic
def create_destination(draft: Draft, answers: Answers, *, actor: User) -> Destination:
    """Make the draft a destination, encrypted for if so answered; raises ValidationError naming what is in the way.

    `answers.settings` are the connector form's cleaned data. The draft ends; a pair it does not use is dropped.
    """
    # Everybody who adds to the workspace waits here: names and limits are counted under this lock.
    draft.workspace = Workspace.objects.select_for_update().get(pk=draft.workspace_id)
    draft = drafts.lock(draft, actor)
    _check_creation(draft, answers)
    destination = _insert(draft, answers)
    _record(EventType.DESTINATION_CREATED, destination, actor, kind=draft.kind, enabled=answers.enabled)
    if answers.encrypts:
        setup.put_in_force(draft, destination, answers, actor=actor)
    else:
        setup.drop_pending(draft, actor=actor)
    draft.delete()
    return destination


def _check_creation(draft: Draft, answers: Answers) -> None:
    if draft.source is None:
        raise ValidationError({"source": "Choose a source first."})
    drafts.check_room(draft.source, draft.kind)
    _check_name(draft.workspace, answers.name)
    if answers.encrypts:
        require_encryption(draft.workspace, draft.kind)
        setup.check_ready(draft, answers)


def _check_name(workspace: Workspace, name: str, *, but: uuid.UUID | None = None) -> None:
    others = Destination.objects.filter(workspace=workspace, name__iexact=name)
    if (others.exclude(pk=but) if but else others).exists():
        raise ValidationError({"name": NAME_TAKEN})


def _insert(draft: Draft, answers: Answers) -> Destination:
    destination = Destination(
        workspace=draft.workspace, source=draft.source, kind=draft.kind, name=answers.name, enabled=answers.enabled
    )
    destination.sealed_settings = seal_settings(answers.settings, owner_id=destination.pk)
    destination.save(force_insert=True)
    return destination


def require_revision(destination: Destination, revision: int, *, actor: User) -> None:
    """Raise ValidationError where somebody changed the destination since a page showed it at that revision.

    It stays locked until the caller's transaction ends: what is saved next is what the person saw, changed.
    """
    if _lock(destination, actor).revision != revision:
        raise ValidationError(CHANGED_SINCE)


@transaction.atomic
def change_destination(destination: Destination, *, actor: User, name: str, settings: Mapping[str, Any]) -> list[str]:
    """Give the destination this name and these settings; the names of what changed, empty where nothing did."""
    destination = _lock(destination, actor)
    before = settings_of(destination)
    changed = ["name"] if name != destination.name else []
    changed += sorted(key for key in {*before, *settings} if before.get(key) != settings.get(key))
    if not changed:
        return []
    _check_name(destination.workspace, name, but=destination.pk)
    destination.name = name
    destination.sealed_settings = seal_settings(settings, owner_id=destination.pk)
    _save(destination, ["name", "sealed_settings"])
    _record(EventType.DESTINATION_MODIFIED, destination, actor, changed=changed)
    return changed


def others_to_copy(destination: Destination, *, actor: User) -> QuerySet[Destination]:
    """The destinations of the same kind whose settings the actor may copy: those they may change, by name."""
    access = require_right(actor, destination.workspace, Right.EDIT_DESTINATIONS, source=destination.source)
    alike = destination.workspace.destinations.filter(within(access, Right.EDIT_DESTINATIONS, "source"))
    others = alike.filter(kind=destination.kind).exclude(pk=destination.pk)
    return others.select_related("source").defer("sealed_settings").order_by("name")


@transaction.atomic
def copy_settings(destination: Destination, other_id: uuid.UUID, *, actor: User) -> list[str]:
    """Give the destination another's settings, credentials too, which nobody sees; the names of what changed.

    Raises ValidationError for one that `others_to_copy` does not offer. Name, state and encryption stay.
    """
    destination = _lock(destination, actor)
    other = others_to_copy(destination, actor=actor).filter(pk=other_id).first()
    if other is None:
        raise ValidationError({"other": "Choose one of the destinations listed."})
    before, settings = settings_of(destination), settings_of(other)
    changed = sorted(key for key in {*before, *settings} if before.get(key) != settings.get(key))
    if changed:
        destination.sealed_settings = seal_settings(settings, owner_id=destination.pk)
        _save(destination, ["sealed_settings"])
        _record(EventType.DESTINATION_MODIFIED, destination, actor, changed=changed, copied_from=str(other.pk))
    return changed


def enable_destination(destination: Destination, *, actor: User) -> bool:
    """Let events through to the destination; whether it was disabled before."""
    return _switch(destination, actor, enabled=True)


def disable_destination(destination: Destination, *, actor: User) -> bool:
    """Keep events from the destination; whether it was enabled before."""
    return _switch(destination, actor, enabled=False)


@transaction.atomic
def hold_unclassified(destination: Destination, *, actor: User, on: bool) -> bool:
    """Let only green and encrypted yellow fields leave for the destination, or every field again; whether it changed.

    For workspaces bound by a BAA; what is on stays on when the BAA ends. Raises PermissionDenied elsewhere.
    """
    destination = _lock(destination, actor)
    if destination.hold_unclassified == on:
        return False
    if on and not destination.workspace.is_bound_by_hipaa:
        raise PermissionDenied("holding unclassified fields is for HIPAA workspaces")
    destination.hold_unclassified = on
    destination.protection = F("protection") + 1 if on else destination.protection
    _save(destination, ["hold_unclassified", "protection"])
    _record(EventType.DESTINATION_MODIFIED, destination, actor, changed=["hold_unclassified"], after=on)
    return True


@transaction.atomic
def _switch(destination: Destination, actor: User, *, enabled: bool) -> bool:
    destination = _lock(destination, actor)
    if destination.enabled == enabled:
        return False
    destination.enabled, destination.off_since = enabled, None if enabled else timezone.now()
    _save(destination, ["enabled", "off_since"])
    _record(EventType.DESTINATION_ENABLED if enabled else EventType.DESTINATION_DISABLED, destination, actor)
    return True


def _lock(destination: Destination, actor: User) -> Destination:
    require_right(actor, destination.workspace, Right.EDIT_DESTINATIONS, source=destination.source)
    # The name is checked under the workspace's lock, as in create_destination.
    Workspace.objects.select_for_update().get(pk=destination.workspace_id)
    return Destination.objects.select_for_update(of=("self",)).select_related("workspace").get(pk=destination.pk)


def _save(destination: Destination, fields: list[str]) -> None:
    """Save, and move the revision, which tells the workers to rebuild their plan."""
    destination.revision = F("revision") + 1
    destination.save(update_fields=[*fields, "revision"])


def _record(event_type: EventType, destination: Destination, actor: User, **details: object) -> None:
    record(event_type, actor=actor, workspace_id=destination.workspace_id, subject=destination, details=details)
