"""Second factors: their secrets sealed at rest, and who must have one."""

from __future__ import annotations

import base64

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.db.models import QuerySet

from workspaces.access import has_hipaa_access
from workspaces.models import User
from workspaces.sealing import seal, unseal

_BOUND_TO = b"second factor"


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """allauth's rules for us."""

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


def second_factors(user: User) -> QuerySet[Authenticator]:
    """The person's authenticator apps and passkeys."""
    mine: QuerySet[Authenticator] = Authenticator.objects.filter(user=user)
    return mine.exclude(type=Authenticator.Type.RECOVERY_CODES)


def must_have_second_factor(user: User) -> bool:
    """Members of a workspace bound by a BAA, and support staff (45 CFR 164.312(d))."""
    return has_hipaa_access(user)
