"""Adding, renaming and removing second factors, and recovery codes: a change and its audit row stand or fall together.

allauth keeps the secrets and checks the codes; its own flows tell of a change only after it is committed, or not at
all, so that ours are these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.webauthn.internal.auth import WebAuthn
from django.db import transaction

from audit.event_types import EventType
from workspaces.mfa import MfaAdapter, lock_factors, second_factors
from workspaces.models import User
from workspaces.notices import tell
from workspaces.personal_record import record_for

Kind = Authenticator.Type
# What the audit log calls them.
KINDS = {Kind.TOTP: "authenticator app", Kind.WEBAUTHN: "passkey", Kind.RECOVERY_CODES: "recovery codes"}


class LastFactorError(Exception):
    """The factor is the last one of a person who must have one."""


@transaction.atomic
def add_app(*, secret: str, actor: User) -> bool:
    """Let the app with this secret (base32) confirm sign-ins; whether recovery codes were made, as with a first factor.

    A second press of the button changes nothing: there is one app for each person.
    """
    lock_factors(actor)
    if second_factors(actor).filter(type=Kind.TOTP).exists():
        return False
    is_first = not second_factors(actor).exists()
    TOTP.activate(actor, secret)
    record_for(actor, EventType.AUTHENTICATOR_ADDED, details={"kind": KINDS[Kind.TOTP]})
    tell(actor, "An authenticator app was added")
    return is_first and _make_codes(actor)


@transaction.atomic
def add_passkey(*, name: str, credential: Mapping[str, Any], actor: User) -> bool:
    """Keep a passkey whose registration was checked; whether recovery codes were made, as with a first factor."""
    lock_factors(actor)
    is_first = not second_factors(actor).exists()
    WebAuthn.add(actor, name, dict(credential))
    record_for(actor, EventType.AUTHENTICATOR_ADDED, details={"kind": KINDS[Kind.WEBAUTHN], "name": name})
    tell(actor, "A passkey was added")
    return is_first and _make_codes(actor)


@transaction.atomic
def rename_passkey(passkey: Authenticator, *, name: str, actor: User) -> None:
    """Call the actor's own passkey something else; nothing happens where the name stays."""
    before = passkey.wrap().name
    if name == before:
        return
    passkey.wrap().name = name
    passkey.save(update_fields=["data"])
    record_for(actor, EventType.PROFILE_MODIFIED, details={"passkey": {"before": before, "after": name}})


@transaction.atomic
def remove_factor(factor: Authenticator, *, actor: User) -> None:
    """Forget the actor's own app or passkey, and the recovery codes with the last one.

    Raises LastFactorError where the person must keep it.
    """
    lock_factors(actor)
    if not MfaAdapter().can_delete_authenticator(factor):
        raise LastFactorError
    details = {"kind": KINDS[factor.type]} | ({"name": str(factor)} if factor.type == Kind.WEBAUTHN else {})
    factor.delete()
    if not second_factors(actor).exists():
        codes, _ = Authenticator.objects.filter(user=actor).delete()
        details |= {"recovery codes": "removed"} if codes else {}
    record_for(actor, EventType.AUTHENTICATOR_REMOVED, details=details)
    tell(actor, "An authenticator app was removed" if factor.type == Kind.TOTP else "A passkey was removed")


@transaction.atomic
def generate_codes(*, actor: User) -> None:
    """New recovery codes; the old ones work no more."""
    lock_factors(actor)
    _make_codes(actor)
    tell(actor, "New recovery codes were made")


@transaction.atomic
def reveal_codes(*, actor: User) -> list[str]:
    """The actor's unused recovery codes, once after they were made; empty ever after."""
    lock_factors(actor)
    codes = _codes_of(actor)
    if codes is None or codes.did_view:
        return []
    codes.mark_as_viewed()
    record_for(actor, EventType.RECOVERY_CODES_VIEWED)
    unused: list[str] = codes.get_unused_codes()
    return unused


def codes_left(user: User) -> int | None:
    """How many recovery codes the person has left; None where none were ever made."""
    codes = _codes_of(user)
    return None if codes is None else len(codes.get_unused_codes())


def _codes_of(user: User) -> RecoveryCodes | None:
    found = Authenticator.objects.filter(user=user, type=Kind.RECOVERY_CODES).first()
    return found.wrap() if found else None


def _make_codes(actor: User) -> bool:
    """In the place of any there are: those of factors that support staff removed may be in other hands."""
    Authenticator.objects.filter(user=actor, type=Kind.RECOVERY_CODES).delete()
    RecoveryCodes.activate(actor)
    record_for(actor, EventType.RECOVERY_CODES_GENERATED)
    return True
