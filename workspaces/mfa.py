"""Second factors: their secrets sealed at rest, and who must have one."""

from __future__ import annotations

import base64

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.cache import cache
from django.db.models import OuterRef, QuerySet

from workspaces.access import has_hipaa_access
from workspaces.models import User
from workspaces.sealing import seal, unseal

_BOUND_TO = b"second factor"
WRONG_CODE = "This code is not right. An app's code changes every 30 seconds, and every code works once."
_PERIOD = 30  # seconds that an app shows one code (RFC 6238)


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """allauth's rules for us."""

    error_messages = DefaultMFAAdapter.error_messages | {"incorrect_code": WRONG_CODE}

    def encrypt(self, text: str) -> str:
        """A secret as the table keeps it. The library says not whose it is, so it is bound to its purpose alone."""
        return base64.b64encode(seal(text.encode(), bound_to=_BOUND_TO)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """The secret again; raises SealError where it does not open."""
        return unseal(base64.b64decode(encrypted_text), bound_to=_BOUND_TO).decode()

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Whether one may go: whoever needs a second factor keeps at least one that is no recovery code."""
        if authenticator.type == Authenticator.Type.RECOVERY_CODES or not must_have_second_factor(authenticator.user):
            return True
        return bool(second_factors(authenticator.user).exclude(pk=authenticator.pk).exists())

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:  # noqa: A002  # allauth's name
        """What a new passkey is called until its owner says otherwise."""
        others = Authenticator.objects.filter(user=user, type=type).count()
        return f"Passkey {others + 1}" if others else "Passkey"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Whose passkeys they are: the host decides where they work, the name is what a browser shows."""
        return {"id": context.request.get_host().partition(":")[0], "name": settings.MFA_TOTP_ISSUER}


def second_factors(user: User | OuterRef) -> QuerySet[Authenticator]:
    """The person's authenticator apps and passkeys; in a subquery, those of the row it stands in."""
    mine: QuerySet[Authenticator] = Authenticator.objects.filter(user=user)
    return mine.exclude(type=Authenticator.Type.RECOVERY_CODES)


def must_have_second_factor(user: User) -> bool:
    """Members of a workspace bound by a BAA, and support staff (45 CFR 164.312(d))."""
    return has_hipaa_access(user)


def lock_factors(user: User) -> None:
    """Let one request at a time change or guess the person's second factors. In the caller's transaction."""
    User.objects.select_for_update().get(pk=user.pk)


def use_up(code: str, *, user: User) -> bool:
    """Mark a code of the person's app as used; False if it was already (RFC 6238, 5.2: accepted once).

    allauth remembers a code for one period only, though by the tolerance it is good for longer.
    """
    digits = "".join(filter(str.isdigit, code))
    valid_for = _PERIOD * (2 * settings.MFA_TOTP_TOLERANCE + 1)
    return bool(cache.add(f"totp-used:{user.pk}:{digits}", value=True, timeout=valid_for))
