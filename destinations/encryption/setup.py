"""Encryption while a destination is being set up: key pairs are drawn, shown once, dropped, or put in force.

The private half exists in the return value of `generate_keys` and in the one response made of it; nothing here stores,
logs or names it.
"""

from __future__ import annotations

import uuid

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from audit.event_types import EventType
from audit.record import record
from destinations import drafts
from destinations.drafts import Answers
from destinations.encryption.keys import DEFAULT_KEY_SIZE, KeyPair, fingerprint, generate_key_pair
from destinations.encryption.keys import KEY_SIZES as ALL_SIZES
from destinations.kinds import require_encryption
from destinations.models import Destination, Draft, EncryptedField, PublicKey
from privacy.encryptable import EncryptableField, choose
from workspaces.access import Right, require_right
from workspaces.models import User, Workspace

KEY_SIZES = (DEFAULT_KEY_SIZE, *(bits for bits in ALL_SIZES if bits != DEFAULT_KEY_SIZE))  # bits, the default first


NO_FIELD = "Choose at least one field."
NO_KEYS = "Generate encryption keys before you create the destination."
NOT_STORED = "Store the private key, then tick this box. It cannot be shown again."


class KeyAlreadyShown(Exception):
    """The showing of the Setup page was already used to generate a pair, or is no longer the latest one."""


def chosen_fields(workspace: Workspace, answers: Answers) -> list[EncryptableField]:
    """The fields as they stand today; raises ValidationError where one can no longer be encrypted."""
    try:
        return choose(workspace, answers.fields)
    except ValueError:
        raise ValidationError({"fields": "A chosen field can no longer be encrypted. Choose again."}) from None


@transaction.atomic
def show_setup(draft: Draft, *, actor: User) -> bool:
    """Begin a showing of the Setup page: draws its one-time token and drops a pair left behind; whether there was one.

    Sets `draft.key_request` and `draft.pending_key` on the object passed in.
    """
    locked = drafts.lock(draft, actor)
    dropped = drop_pending(locked, actor=actor)
    locked.key_request = uuid.uuid4()
    locked.save(update_fields=["key_request"])
    draft.key_request, draft.pending_key = locked.key_request, None
    return dropped


@sensitive_variables("pair")
def generate_keys(draft: Draft, answers: Answers, *, token: str, actor: User) -> KeyPair:
    """Draw a pair for the chosen fields, keep its public half as pending, and return both halves, this once.

    Raises ValidationError without a field and KeyAlreadyShown when `token` was used before. Sets the next token as
    `draft.key_request` and the public half as `draft.pending_key`.
    """
    require_right(actor, draft.workspace, Right.EDIT_DESTINATIONS, source=draft.source)
    require_encryption(draft.workspace, draft.kind)
    if not chosen_fields(draft.workspace, answers):
        raise ValidationError({"fields": NO_FIELD})
    claimed = _claim(draft, token)
    # Drawing takes up to seconds: never inside a transaction, which on SQLite would stop every other writer.
    pair = generate_key_pair(answers.key_bits)
    _keep_public_half(draft, answers, pair.public_pem, claimed=claimed, actor=actor)
    return pair


def _claim(draft: Draft, token: str) -> uuid.UUID:
    """Use up the page's token; only one of several requests with the same token gets through."""
    successor = uuid.uuid4()
    try:
        used = Draft.objects.filter(pk=draft.pk, key_request=uuid.UUID(token)).update(key_request=successor)
    except ValueError:
        used = 0
    if not used:
        raise KeyAlreadyShown
    return successor


@transaction.atomic
def _keep_public_half(draft: Draft, answers: Answers, pem: str, *, claimed: uuid.UUID, actor: User) -> None:
    locked = drafts.lock(draft, actor)
    if locked.key_request != claimed:  # the page was loaded anew while the pair was being drawn
        raise KeyAlreadyShown
    replaced = _delete_pending(locked)
    drafts.store(locked, answers)
    key = PublicKey.objects.create(
        workspace_id=locked.workspace_id, pem=pem, fingerprint=fingerprint(pem), bits=answers.key_bits, made_by=actor
    )
    locked.pending_key = key
    locked.save(update_fields=["pending_key"])
    draft.key_request, draft.pending_key = claimed, key
    _record(EventType.ENCRYPTION_KEYS_GENERATED, locked, key, actor, fields=list(answers.fields), replaced=replaced)


def drop_left_pairs() -> int:
    """Drop the pairs of drafts nobody touched for 15 minutes, each with its audit row; how many. For the worker."""
    left = Draft.objects.filter(touched_at__lt=timezone.now() - drafts.EXPIRES_AFTER, pending_key__isnull=False)
    dropped = 0
    for draft_id in left.values_list("pk", flat=True):
        with transaction.atomic():
            draft = left.select_for_update(of=("self",)).filter(pk=draft_id).first()
            dropped += draft is not None and drop_pending(draft, actor=None)
    return dropped


def drop_pending(draft: Draft, *, actor: User | None) -> bool:
    """Drop a locked draft's unused pair; whether there was one. Called by verbs, inside their transaction."""
    key = draft.pending_key
    if key is None:
        return False
    _record(EventType.ENCRYPTION_KEYS_DISCARDED, draft, key, actor)
    _delete_pending(draft)
    return True


def check_ready(draft: Draft, answers: Answers) -> None:
    """Raise ValidationError naming what is missing before `answers` can be encrypted for."""
    missing = {}
    if not chosen_fields(draft.workspace, answers):
        missing["fields"] = NO_FIELD
    if draft.pending_key_id is None:
        missing["encrypts"] = NO_KEYS
    elif not answers.key_stored:
        missing["key_stored"] = NOT_STORED
    if missing:
        raise ValidationError(missing)


def put_in_force(draft: Draft, destination: Destination, answers: Answers, *, actor: User) -> None:
    """Give the locked draft's pending key and the chosen fields to the new destination, inside the caller's work."""
    key = draft.pending_key
    if key is None:
        raise ValidationError({"encrypts": NO_KEYS})
    key.destination, key.in_force_from = destination, timezone.now()
    key.save(update_fields=["destination", "in_force_from"])
    EncryptedField.objects.bulk_create(
        EncryptedField(destination=destination, kind=field.kind, reference=field.reference, terms=list(field.terms))
        for field in chosen_fields(draft.workspace, answers)
    )
    destination.encrypts, destination.public_key = True, key
    destination.save(update_fields=["encrypts", "public_key"])
    _record(EventType.DATA_ENCRYPTION_ENABLED, destination, key, actor, fields=list(answers.fields))


def _delete_pending(draft: Draft) -> bool:
    key, draft.pending_key = draft.pending_key, None
    if key is None:
        return False
    draft.save(update_fields=["pending_key"])
    key.delete()
    return True


def _record(
    event_type: EventType, subject: Draft | Destination, key: PublicKey, actor: User | None, **details: object
) -> None:
    facts = {"fingerprint": key.fingerprint, "bits": key.bits, **details}
    record(event_type, actor=actor, workspace_id=subject.workspace_id, subject=subject, details=facts)
