"""Mails of a change to how somebody signs in: whoever did not make it hears of it (OWASP ASVS 5.0 V6.3.7)."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from audit import context
from workspaces.devices import device_of
from workspaces.models import User


def tell(user: User, what: str, *, also_to: str = "") -> None:
    """Mail `what` was done ("A passkey was added") to the person once that is committed, `also_to` an old address.

    A mail server that does not answer leaves a line in the log: the change stands.
    """
    facts = context.current()
    text = render_to_string(
        "account/email/change.txt",
        {
            "what": what,
            "at": timezone.now(),
            "address": facts.address,
            "device": device_of(facts.user_agent),
            "site": settings.SITE_URL,
        },
    )
    for to in filter(None, (user.email, also_to)):
        _send_later(what, text, to)


def _send_later(subject: str, text: str, to: str) -> None:
    transaction.on_commit(lambda: _send(subject, text, to), robust=True)


def _send(subject: str, text: str, to: str) -> None:
    send_mail(f"{subject} - {settings.MFA_TOTP_ISSUER}", text, None, [to])
