"""Drafts: one person's answers in the add-destination wizard, kept until the destination is made or a day passes.

They outlive the session: whoever was signed out goes on where they were. A key pair does not, see `encryption.setup`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone

from audit.event_types import EventType
from audit.record import record
from destinations.catalog.base import Mode
from destinations.kinds import entry_of, require_encryption
from destinations.models import Destination, Draft, PublicKey
from destinations.settings_store import open_settings, seal_settings
from workspaces.access import Right, require_right, visible_sources
from workspaces.models import Source, User, Workspace

EXPIRES_AFTER = timedelta(days=1)
KEPT_FOR = timedelta(days=2)  # an expired draft stays a day, so that its address can say that it has expired
MAX_NAME = 100
MAX_PER_SOURCE = 25  # documented: cloud-mode instances of one destination for one source
MAX_IN_BROWSERS = 1  # documented: device-mode instances


class DraftExpired(Exception):
    """Nobody touched the draft for a day. `kind` says what it was for."""

    def __init__(self, kind: str) -> None:
        super().__init__("the setup has expired")
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Answers:
    """The Setup page's answers. `settings` is as typed while in a draft, validated when a destination is created."""

    name: str
    enabled: bool
    settings: Mapping[str, Any]
    encrypts: bool = False
    fields: Sequence[str] = ()  # "kind:reference"
    key_bits: int = 3072
    key_origin: str = PublicKey.Origin.SERVER
    key_stored: bool = False  # the tick "I have stored my private key"
    pending: str = ""  # fingerprint of the pair that stands on the page, where one does


@transaction.atomic
def start(kind: str, *, actor: User, workspace: Workspace) -> Draft:
    """Begin adding a destination of `kind`; raises Http404 for a kind the catalog does not list."""
    require_right(actor, workspace, Right.EDIT_DESTINATIONS)
    entry_of(kind)
    draft = Draft.objects.create(workspace=workspace, user=actor, kind=kind)
    _record(draft, actor, step="start")
    return draft


def open_draft(draft_id: uuid.UUID, *, actor: User, workspace: Workspace) -> Draft:
    """The actor's own draft, touched; raises Http404 for anybody else and DraftExpired when it was left too long."""
    require_right(actor, workspace, Right.EDIT_DESTINATIONS)
    now = timezone.now()
    mine = Draft.objects.filter(pk=draft_id, workspace=workspace, user=actor, destination=None)
    draft = mine.select_related("workspace", "source", "pending_key").first()
    if draft is None:
        raise Http404("no such draft")
    if now - draft.touched_at >= EXPIRES_AFTER:
        raise DraftExpired(draft.kind)
    mine.update(touched_at=now)
    return draft


def lock(draft: Draft, actor: User) -> Draft:
    """The draft as it stands, locked until the transaction ends; Http404 once it is gone or belongs to another."""
    require_right(actor, draft.workspace, Right.EDIT_DESTINATIONS, source=draft.source)
    mine = Draft.objects.filter(pk=draft.pk, user=actor, workspace=draft.workspace)
    locked = mine.select_related("destination", "pending_key").select_for_update(of=("self",)).first()
    if locked is None:
        raise Http404("no such draft")
    locked.workspace = draft.workspace
    return locked


@transaction.atomic
def choose_source(draft: Draft, source_id: uuid.UUID, *, actor: User) -> Draft:
    """Answer Select data source; raises ValidationError for a source that is not offered or already full."""
    draft = lock(draft, actor)
    source = sources_for(draft.workspace, actor=actor).filter(pk=source_id).first()
    if source is None:
        raise ValidationError({"source": "Choose one of the sources of this workspace."})
    check_room(source, draft.kind)
    if not draft.name or draft.source_id != source.pk:
        draft.name = default_name(draft.kind, source)
    draft.source, draft.touched_at = source, timezone.now()
    draft.save(update_fields=["source", "name", "touched_at"])
    _record(draft, actor, step="source", source=source.name)
    return draft


def sources_for(workspace: Workspace, *, actor: User) -> QuerySet[Source]:
    """The sources the actor may add a destination to."""
    access = require_right(actor, workspace, Right.EDIT_DESTINATIONS)
    return visible_sources(access, workspace, Right.EDIT_DESTINATIONS)


@transaction.atomic
def save(draft: Draft, answers: Answers, *, actor: User) -> None:
    """Keep what stands on the Setup page, valid or not, so that it survives a reload."""
    draft = lock(draft, actor)
    store(draft, answers)
    _record(draft, actor, step="setup")


def store(draft: Draft, answers: Answers) -> None:
    """Write the answers into a locked draft. Called by verbs, inside their transaction; they record it."""
    if answers.encrypts and not draft.encrypts:  # a choice of before is kept, so that nobody loses it unawares
        require_encryption(draft.workspace, draft.kind)
    # Answers that are refused are kept too; PostgreSQL stores no NUL.
    draft.name, draft.enabled = answers.name.replace("\x00", "")[:MAX_NAME], answers.enabled
    draft.encrypts, draft.fields = answers.encrypts, list(answers.fields)
    draft.key_bits, draft.key_origin = answers.key_bits, answers.key_origin
    draft.sealed_settings = seal_settings(answers.settings, owner_id=draft.pk)
    draft.touched_at = timezone.now()
    chosen = ["encrypts", "fields", "key_bits", "key_origin"]
    draft.save(update_fields=["name", "enabled", *chosen, "sealed_settings", "touched_at"])


def settings_of(draft: Draft) -> dict[str, Any]:
    """The connector's settings as last typed."""
    return open_settings(draft.sealed_settings, owner_id=draft.pk)


def check_room(source: Source, kind: str) -> None:
    """Raise ValidationError where the source already feeds the documented number of destinations of this kind."""
    entry = entry_of(kind)
    most = MAX_IN_BROWSERS if entry.mode is Mode.DEVICE else MAX_PER_SOURCE
    if Destination.objects.filter(source=source, kind=kind).count() >= most:
        many = f"{most} {entry.name} destinations" if most > 1 else f"a {entry.name} destination"
        raise ValidationError({"source": f"{source.name} already has {many}."})


def default_name(kind: str, source: Source) -> str:
    """`<kind> for <source>`, numbered where the workspace already has it."""
    base = f"{entry_of(kind).name} for {source.name}"[: MAX_NAME - 4]
    taken = Destination.objects.filter(workspace_id=source.workspace_id, name__istartswith=base)
    names = {name.lower() for name in taken.values_list("name", flat=True)}
    numbered = (base if n == 1 else f"{base} {n}" for n in range(1, len(names) + 2))
    return next(name for name in numbered if name.lower() not in names)


def forget_old() -> int:
    """Remove the drafts nobody touched for two days; how many. For the worker, which dropped their pairs before."""
    old = Draft.objects.filter(touched_at__lt=timezone.now() - KEPT_FOR, pending_key__isnull=True)
    return old.delete()[0]


def _record(draft: Draft, actor: User, **details: object) -> None:
    record(
        EventType.DESTINATION_SETUP_MODIFIED,
        actor=actor,
        workspace_id=draft.workspace_id,
        subject=draft,
        details=details,
    )
