"""Encryption while it is being set up: key pairs are drawn or brought along, shown once, dropped, or put in force.

A draft holds the pending pair, of a destination that is being added or of one that is being changed (`change`). The
private half exists in the return value of `generate_keys` and in the one response made of it; nothing here stores,
logs or names it. One that was made in the browser, or by the customer, never comes here.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import timedelta

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
from destinations.encryption.offered import NOT_A_KEY, NotAPublicKey, read_public_key
from destinations.kinds import require_encryption
from destinations.models import Destination, Draft, EncryptedField, PublicKey
from privacy.encryptable import EncryptableField, choose
from workspaces.access import Right, require_right
from workspaces.idle import HIPAA_LIFETIME
from workspaces.models import User, Workspace
from workspaces.sessions import is_signed_in

PAIR_KEPT_FOR = timedelta(minutes=15)  # whoever leaves a pair that long and is signed out by then comes back too late
PAIR_KEPT_AT_MOST = timedelta(seconds=HIPAA_LIFETIME)  # as long as a session can last
KEY_SIZES = (DEFAULT_KEY_SIZE, *(bits for bits in ALL_SIZES if bits != DEFAULT_KEY_SIZE))  # bits, the default first

NO_FIELD = "Choose at least one field."
NOT_ENCRYPTABLE = "A chosen field can no longer be encrypted. Choose again."
NO_KEYS = "Generate encryption keys before you create the destination."
NOT_STORED = "Store the private key, then tick this box. It cannot be shown again."
PAIR_GONE = "The key pair on this page was dropped or replaced since. Generate a new one."
NOT_MADE = "Your browser made no key pair. This needs scripts and a page that is served over HTTPS."
USED_BEFORE = "This key was in use at this destination before. Encryption that is set up anew needs a new pair."


class KeyAlreadyShown(Exception):
    """The showing of the Setup page was already used to generate a pair, or is no longer the latest one."""


def chosen_fields(workspace: Workspace, answers: Answers, *, kept: Collection[str] = ()) -> list[EncryptableField]:
    """The fields as they stand today, but for those in `kept` (`kind:reference`), which may be gone by now.

    Raises ValidationError where one can no longer be encrypted.
    """
    try:
        return choose(workspace, [value for value in answers.fields if value not in kept])
    except ValueError:
        raise ValidationError({"fields": NOT_ENCRYPTABLE}) from None


def kept_fields(destination: Destination | None) -> set[str]:
    """What is encrypted at the destination already, as a form sends it: that may stay whatever became of it."""
    if destination is None:
        return set()
    chosen = destination.encrypted_fields.values_list("kind", "reference")
    return {f"{kind}:{reference}" for kind, reference in chosen}


@transaction.atomic
def show_setup(draft: Draft, *, actor: User) -> bool:
    """Begin a showing of the Setup page: draws its one-time token and drops a pair left behind; whether there was one.

    Sets `draft.key_request` and `draft.pending_key` on the object passed in.
    """
    locked = drafts.lock(draft, actor)
    # A draft that was shown before and has no token now lost its pair to `drop_left_pairs`.
    dropped = drop_pending(locked, actor=actor) or (locked.encrypts and locked.key_request is None)
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
    _check_may_generate(draft, answers, actor)
    claimed = _claim(draft, token)
    # Drawing takes up to seconds: never inside a transaction, which on SQLite would stop every other writer.
    pair = generate_key_pair(answers.key_bits)
    _keep_public_half(draft, answers, pair.public_pem, bits=pair.bits, claimed=claimed, actor=actor)
    return pair


@sensitive_variables("text")
def take_public_key(draft: Draft, answers: Answers, *, text: str, token: str, actor: User) -> PublicKey:
    """Keep a public key whose private half was never here (`answers.key_origin`: made in the browser, or their own).

    `text` is PEM or JWK. Raises ValidationError where it is none that can be used, and as `generate_keys` does.
    """
    _check_may_generate(draft, answers, actor)
    if not text.strip() and answers.key_origin == PublicKey.Origin.BROWSER:
        raise ValidationError({"key_origin": NOT_MADE})
    try:
        pem, bits = read_public_key(text)
    except NotAPublicKey as refusal:
        raise ValidationError({"public_key": str(refusal)}) from None
    except Exception:  # noqa: BLE001  (what was handed over may be a private key: no report may hold the frames that read it)
        raise ValidationError({"public_key": NOT_A_KEY}) from None
    if (
        draft.destination_id
        and PublicKey.objects.filter(destination=draft.destination_id, fingerprint=fingerprint(pem)).exists()
    ):
        raise ValidationError({"public_key": USED_BEFORE})
    claimed = _claim(draft, token)
    return _keep_public_half(draft, answers, pem, bits=bits, claimed=claimed, actor=actor)


def _check_may_generate(draft: Draft, answers: Answers, actor: User) -> None:
    require_right(actor, draft.workspace, Right.GENERATE_KEYS, source=draft.source)
    require_encryption(draft.workspace, draft.kind)
    kept = kept_fields(draft.destination)
    if not chosen_fields(draft.workspace, answers, kept=kept) and not kept.intersection(answers.fields):
        raise ValidationError({"fields": NO_FIELD})


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
def _keep_public_half(
    draft: Draft, answers: Answers, pem: str, *, bits: int, claimed: uuid.UUID, actor: User
) -> PublicKey:
    locked = drafts.lock(draft, actor)
    if locked.key_request != claimed:  # the page was loaded anew while the pair was being drawn
        raise KeyAlreadyShown
    replaced = _delete_pending(locked)
    drafts.store(locked, answers)
    key = PublicKey.objects.create(
        workspace_id=locked.workspace_id,
        pem=pem,
        fingerprint=fingerprint(pem),
        bits=bits,
        made_by=actor,
        origin=answers.key_origin,
    )
    locked.pending_key = key
    locked.save(update_fields=["pending_key"])
    draft.key_request, draft.pending_key = claimed, key
    facts = {"fields": list(answers.fields), "replaced": replaced, "origin": answers.key_origin}
    note(EventType.ENCRYPTION_KEYS_GENERATED, locked, key, actor, **facts)
    return key


def drop_left_pairs() -> int:
    """Drop the pairs of drafts nobody touched for 15 minutes, each with its audit row; how many. For the worker.

    A pair lasts as long as its person stays signed in, whatever they do meanwhile, but no longer than a session can.
    """
    now = timezone.now()
    left = Draft.objects.filter(touched_at__lt=now - PAIR_KEPT_FOR, pending_key__isnull=False)
    dropped = 0
    for draft_id, owner, made_at in left.values_list("pk", "user", "pending_key__made_at"):
        if now - made_at < PAIR_KEPT_AT_MOST and is_signed_in(owner):
            continue
        with transaction.atomic():
            draft = left.select_for_update(of=("self",)).filter(pk=draft_id).first()
            dropped += draft is not None and _drop_left(draft)
    return dropped


def _drop_left(draft: Draft) -> bool:
    """Drop the pair and the page's token with it: the page, shown anew, says then what became of the pair."""
    draft.key_request = None
    draft.save(update_fields=["key_request"])
    return drop_pending(draft, actor=None)


def drop_pending(draft: Draft, *, actor: User | None) -> bool:
    """Drop a locked draft's unused pair; whether there was one. Called by verbs, inside their transaction."""
    key = draft.pending_key
    if key is None:
        return False
    note(EventType.ENCRYPTION_KEYS_DISCARDED, draft, key, actor)
    _delete_pending(draft)
    return True


def check_ready(draft: Draft, answers: Answers) -> None:
    """Raise ValidationError naming what is missing before `answers` can be encrypted for."""
    missing = {}
    if not chosen_fields(draft.workspace, answers):
        missing["fields"] = NO_FIELD
    if draft.pending_key is None:
        missing["encrypts"] = NO_KEYS
    missing |= unfit_pair(draft, answers)
    if missing:
        raise ValidationError(missing)


def unfit_pair(draft: Draft, answers: Answers) -> dict[str, str]:
    """What keeps a locked draft's pending pair from being put in force: errors by field; none where there is no pair.

    The page says which pair stands on it: another tab may have dropped or replaced that one since.
    """
    key = draft.pending_key
    if answers.pending and (key is None or key.fingerprint != answers.pending):
        return {"encrypts": PAIR_GONE}
    return {"key_stored": NOT_STORED} if key is not None and not answers.key_stored else {}


def put_in_force(draft: Draft, destination: Destination, answers: Answers, *, actor: User) -> None:
    """Give the locked draft's pending key and the chosen fields to the new destination, inside the caller's work."""
    key = draft.pending_key
    if key is None:
        raise ValidationError({"encrypts": NO_KEYS})
    switch_key(destination, key)
    EncryptedField.objects.bulk_create(new_row(destination, field) for field in chosen_fields(draft.workspace, answers))
    destination.save(update_fields=["encrypts", "public_key"])
    note(EventType.DATA_ENCRYPTION_ENABLED, destination, key, actor, fields=list(answers.fields))


def new_row(destination: Destination, field: EncryptableField) -> EncryptedField:
    """The row, not saved, of a field that was chosen at the destination, with the terms it stands for today."""
    return EncryptedField(destination=destination, kind=field.kind, reference=field.reference, terms=list(field.terms))


def switch_key(destination: Destination, key: PublicKey | None) -> None:
    """Let the key be in force from now on, in place of the one that was; None: none is. `destination` is not saved."""
    now, before = timezone.now(), destination.public_key
    if before is not None:
        before.in_force_to = now
        before.save(update_fields=["in_force_to"])
    if key is not None:
        key.destination, key.in_force_from, key.challenge = destination, now, b""
        key.save(update_fields=["destination", "in_force_from", "challenge"])
    destination.encrypts, destination.public_key = key is not None, key


def _delete_pending(draft: Draft) -> bool:
    key, draft.pending_key = draft.pending_key, None
    if key is None:
        return False
    draft.save(update_fields=["pending_key"])
    key.delete()
    return True


def note(
    event_type: EventType, subject: Draft | Destination, key: PublicKey, actor: User | None, **details: object
) -> None:
    """Record what became of a key pair; called by verbs, inside their transaction."""
    facts = {"fingerprint": key.fingerprint, "bits": key.bits, **details}
    about = subject.destination or subject if isinstance(subject, Draft) else subject
    record(event_type, actor=actor, workspace_id=subject.workspace_id, subject=about, details=facts)
