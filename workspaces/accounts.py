"""How sign-in fits this product: nobody signs up by themselves, and lock-outs count per e-mail address."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as allauth_context
from allauth.core import ratelimit
from django.db import transaction
from django.http import HttpRequest

from audit import context
from workspaces.fresh import is_fresh
from workspaces.lockout import is_locked
from workspaces.models import User

UNKNOWN_ADDRESS = "::"  # allauth wants one even where there is none; this one is nobody's


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
        """The address allauth limits rates by and notes of a session: the one the audit log records."""
        return client_address(request) or UNKNOWN_ADDRESS

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Whether a change of second factors asks again: a sign-in of the last five minutes counts, as everywhere."""
        return bool(super().is_reauthentication_required(app=app, **kwargs)) and not is_fresh(allauth_context.request)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the try; one at a locked account goes on to axes, which refuses it and says until when."""
        if not is_locked(request, credentials):
            super().pre_authenticate(request, **credentials)

    def forget_failures(self, request: HttpRequest, *, email: str, user: User | None) -> None:
        """Empty allauth's own limits on guessing, which stand behind axes' lock."""
        self._delete_login_attempts_cached_email(request, email=email)
        if user is not None:
            ratelimit.clear(request, action="login_failed", key=f"mfa-auth-user-{user.pk}")


def client_address(request: HttpRequest) -> str | None:
    """The caller's address as the request's audit context knows it, proxies taken into account."""
    return context.current().address


def lock_address(request: HttpRequest) -> str | None:
    """Where axes counts a try. One household of IPv6 has all addresses of a /64 to try from, so they are one here."""
    known = client_address(request)
    if known is None:
        return None
    address = ipaddress.ip_address(known)
    if isinstance(address, ipaddress.IPv4Address):
        return known
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, 64), strict=False).network_address)


def login_name(request: HttpRequest | None, credentials: Mapping[str, Any] | None = None) -> str | None:
    """The name axes counts failures under. allauth authenticates with `email=`, which axes does not look for."""
    for given in (dict(credentials or {}), request.POST if request else {}):
        for key in ("email", "username", "login"):
            if given.get(key):
                return str(given[key]).strip().lower()[:255]
    return None
