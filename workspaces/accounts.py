"""How sign-in fits this product: nobody signs up by themselves, and lock-outs count per e-mail address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """allauth's rules for us."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts are made by support staff or an owner's invitation, never by a stranger."""
        return False


def login_name(request: HttpRequest | None, credentials: Mapping[str, Any] | None = None) -> str | None:
    """The name axes counts failures under. allauth authenticates with `email=`, which axes does not look for."""
    for given in (dict(credentials or {}), request.POST if request else {}):
        for key in ("email", "username", "login"):
            if given.get(key):
                return str(given[key]).strip().lower()[:255]
    return None
