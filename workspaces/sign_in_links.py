"""Links made on the command line that sign one person in, once: for a demo's first look, or as an owner's last resort.

Whoever may run commands on this machine may read the database anyway; the audit log tells of each link made and used.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit.event_types import EventType
from workspaces import one_time
from workspaces.models import SignInLink, User
from workspaces.personal_record import record_for

VALID_FOR = timedelta(hours=1)


@transaction.atomic
def make_link(user: User) -> str:
    """A complete address that signs `user` in, once, within the hour."""
    secret = one_time.new_secret()
    SignInLink.objects.filter(expires_at__lt=timezone.now()).delete()
    SignInLink.objects.create(user=user, digest=one_time.digest(secret), expires_at=timezone.now() + VALID_FOR)
    record_for(user, EventType.SIGN_IN_LINK_CREATED, by_hand=True)
    return f"{settings.SITE_URL}/login/link/{secret}"


def find(secret: str) -> User | None:
    """Whom the link would sign in; None where it was used, has expired or never was."""
    link = SignInLink.objects.select_related("user").filter(digest=one_time.digest(secret)).first()
    return link.user if link and link.expires_at > timezone.now() and link.user.is_active else None


def use(secret: str) -> User | None:
    """Use the link up; the person it signs in, None where another request was faster. In the caller's transaction."""
    user = find(secret)
    used, _ = SignInLink.objects.filter(digest=one_time.digest(secret)).delete()
    return user if used else None
