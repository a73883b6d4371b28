"""Data Encryption of a destination that exists: turned on, its fields edited, its keys replaced, turned off.

The answers stand in a draft of the person's own, as those of the wizard do: a pair that was drawn and left behind is
dropped with it. Nothing holds before `save_changes`, and then for events from then on.
"""

from __future__ import annotations

import uuid

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from audit.event_types import EventType
from destinations import drafts
from destinations.drafts import Answers
from destinations.encryption import setup
from destinations.encryption.setup import kept_fields, new_row, note
from destinations.kinds import require_encryption
from destinations.models import Destination, Draft, EncryptedField, PublicKey
from privacy.encryptable import EncryptableField, encryptable_fields
from workspaces.access import Right, require_right
from workspaces.models import User

NO_KEYS = "Generate encryption keys before you save."
CONFIRM = "Confirm that data encryption is to be turned off."
CHANGED_SINCE = "Somebody changed this destination since you opened this page. Load it again, then make your changes."


@transaction.atomic
def open_change(destination: Destination, *, actor: User) -> Draft:
    """The actor's own draft for changing the destination's encryption; a new one says what is in force today."""
    require_right(actor, destination.workspace, Right.EDIT_DESTINATIONS, source=destination.source)
    draft, _ = Draft.objects.get_or_create(
        destination=destination,
        user=actor,
        defaults={
            "workspace": destination.workspace,
            "kind": destination.kind,
            "source": destination.source,
            "name": destination.name,
            "key_request": uuid.uuid4(),
            **_in_force(destination),
        },
    )
    draft.workspace, draft.source, draft.destination = destination.workspace, destination.source, destination
    return draft


@transaction.atomic
def show_change(draft: Draft, *, actor: User, keep_answers: bool = False) -> bool:
    """Begin a showing of the tab: draws its one-time token and drops a pair left behind; whether there was one.

    The answers are what is in force today, unless they are to be kept. Changes `draft` as well.
    """
    dropped = setup.show_setup(draft, actor=actor)
    destination = draft.destination
    assert destination is not None  # open_change made it
    facts = {"touched_at": timezone.now(), **({} if keep_answers else _in_force(destination))}
    Draft.objects.filter(pk=draft.pk).update(**facts)
    for name, value in facts.items():
        setattr(draft, name, value)
    return dropped


def _in_force(destination: Destination) -> dict[str, object]:
    return {"encrypts": destination.encrypts, "fields": sorted(kept_fields(destination))}


@transaction.atomic
def save_changes(draft: Draft, answers: Answers, *, revision: int, actor: User) -> bool:
    """Put the answers in force; whether they changed anything. The draft ends, and a pair it does not use with it.

    `revision` is the destination's as the page showed it. Raises ValidationError naming what is in the way.
    """
    assert draft.destination is not None  # open_change made it
    destination = _locked(draft.destination, actor)
    require_encryption(destination.workspace, destination.kind)
    draft = drafts.lock(draft, actor)
    _check(draft, destination, answers, revision)
    changed = _put_in_force(draft, destination, answers, actor) if answers.encrypts else False
    if changed:
        _save(destination)
    setup.drop_pending(draft, actor=actor)
    draft.delete()
    return changed


def _put_in_force(draft: Draft, destination: Destination, answers: Answers, actor: User) -> bool:
    before, key = destination.public_key, draft.pending_key
    draft.pending_key = None  # it is no longer pending
    if key is not None:
        setup.switch_key(destination, key)
    changed = _write_fields(destination, answers, actor, is_new=before is None)
    if key is None:
        return changed
    if before is None:
        note(EventType.DATA_ENCRYPTION_ENABLED, destination, key, actor, fields=sorted(answers.fields))
    else:
        note(EventType.DATA_ENCRYPTION_KEYS_CHANGED, destination, key, actor, replaced=before.fingerprint)
    return True


def _locked(destination: Destination, actor: User) -> Destination:
    require_right(actor, destination.workspace, Right.EDIT_DESTINATIONS, source=destination.source)
    related = Destination.objects.select_related("workspace", "source", "public_key")
    return related.select_for_update(of=("self",)).get(pk=destination.pk)


def _check(draft: Draft, destination: Destination, answers: Answers, revision: int) -> None:
    if destination.revision != revision:
        raise ValidationError(CHANGED_SINCE)
    if not answers.encrypts:
        if destination.encrypts:
            raise ValidationError({"encrypts": CONFIRM})
        return
    missing = setup.unfit_pair(draft, answers)
    if not answers.fields:
        missing["fields"] = setup.NO_FIELD
    if not destination.encrypts and draft.pending_key is None:
        missing.setdefault("encrypts", NO_KEYS)
    if missing:
        raise ValidationError(missing)


def _write_fields(destination: Destination, answers: Answers, actor: User, *, is_new: bool) -> bool:
    """Make the chosen fields those of the destination; whether that changed any.

    What stays chosen keeps the terms it was chosen with and gains those it has today: nothing that is encrypted stops
    being so unless its field is removed.
    """
    today = {field.value: field for field in encryptable_fields(destination.workspace)}
    before = {field.value: field for field in destination.encrypted_fields.all()}
    wanted = set(answers.fields)
    if wanted - today.keys() - before.keys():
        raise ValidationError({"fields": setup.NOT_ENCRYPTABLE})
    added, removed = sorted(wanted - before.keys()), sorted(before.keys() - wanted)
    extended = [
        value for value in sorted(wanted & today.keys() & before.keys()) if _extend(before[value], today[value])
    ]
    for value in removed:
        before[value].delete()
    EncryptedField.objects.bulk_create(new_row(destination, today[value]) for value in added)
    if not (added or removed or extended):
        return False
    if added or extended:
        destination.protection = F("protection") + 1
    if not is_new and destination.public_key is not None:
        facts = {"added": added, "removed": removed, "extended": extended}
        note(EventType.DATA_ENCRYPTION_FIELDS_MODIFIED, destination, destination.public_key, actor, **facts)
    return True


def _extend(chosen: EncryptedField, today: EncryptableField) -> bool:
    """Give the choice the terms that were added to its matcher since; whether there are any."""
    terms = list(dict.fromkeys([*chosen.terms, *today.terms]))
    if terms == chosen.terms:
        return False
    chosen.terms = terms
    chosen.save(update_fields=["terms"])
    return True


@transaction.atomic
def turn_off(destination: Destination, *, actor: User) -> bool:
    """Stop encrypting for the destination, events from now on; whether it was encrypted for.

    What was delivered stays as it is. The key stays in the history and is never in force again; pairs that somebody
    has drawn meanwhile are dropped.
    """
    destination = _locked(destination, actor)
    key = destination.public_key
    if not destination.encrypts or key is None:
        return False
    fields = sorted(kept_fields(destination))
    setup.switch_key(destination, None)
    destination.encrypted_fields.all().delete()
    _save(destination)
    drop_changes(destination, actor=actor)
    note(EventType.DATA_ENCRYPTION_DISABLED, destination, key, actor, fields=fields)
    return True


def drop_changes(destination: Destination, *, actor: User) -> None:
    """End everybody's unsaved changes, pairs they have drawn with them. Called by verbs, inside their transaction."""
    for draft in Draft.objects.select_for_update(of=("self",)).filter(destination=destination):
        setup.drop_pending(draft, actor=actor)
        draft.delete()


def history(destination: Destination) -> QuerySet[PublicKey]:
    """Every key that was ever in force at the destination, the latest first."""
    used = PublicKey.objects.filter(destination=destination, in_force_from__isnull=False)
    return used.select_related("made_by").order_by("-in_force_from")


def _save(destination: Destination) -> None:
    """Save, and move the revision, which tells the workers to rebuild their plan."""
    destination.revision = F("revision") + 1
    destination.save(update_fields=["encrypts", "public_key", "revision", "protection"])
