"""How sign-in fits this product: nobody signs up by themselves, and lock-outs count per e-mail address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from axes.utils import reset
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest

from audit import context
from audit.event_types import EventType
from audit.record import record
from workspaces.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """allauth's rules for us."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts are made by support staff or an owner's invitation, never by a stranger."""
        return False

    def logout(self, request: HttpRequest) -> None:
        """End the session and record it in one transaction."""
        with transaction.atomic():
            super().logout(request)

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address allauth limits rates by: the one the audit log records."""
        return client_address(request) or "unknown"


def client_address(request: HttpRequest) -> str | None:
    """The caller's address as the request's audit context knows it, proxies taken into account. Also asked by axes."""
    return context.current().address


def login_name(request: HttpRequest | None, credentials: Mapping[str, Any] | None = None) -> str | None:
    """The name axes counts failures under. allauth authenticates with `email=`, which axes does not look for."""
    for given in (dict(credentials or {}), request.POST if request else {}):
        for key in ("email", "username", "login"):
            if given.get(key):
                return str(given[key]).strip().lower()[:255]
    return None


def lift_lock(email: str, *, actor: User) -> None:
    """Let the account sign in again before its lock runs out. Support staff only; raises PermissionDenied."""
    if not (actor.is_active and actor.is_staff and actor.has_perm("axes.change_accessattempt")):
        raise PermissionDenied("lift a lock")
    user = User.objects.filter(email=email).first()
    with transaction.atomic():
        reset(username=email)
        record(EventType.ACCOUNT_UNLOCKED, actor=actor, subject=user)
