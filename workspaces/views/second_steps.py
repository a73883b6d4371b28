"""Asking for a second factor: at sign-in, and for any proof once more before something sensitive.

allauth's views; what they leave open is that a passkey that fails is told of, that proof and audit row stand or fall
together, and that guesses at one account wait for each other, so that none slips past the lock (workspaces.lockout).
"""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import views as webauthn
from django.contrib import messages
from django.db import transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from workspaces.mfa import lock_factors
from workspaces.models import User
from workspaces.sign_in import passkey_failed
from workspaces.views.second_factor_forms import ConfirmPasskeyForm, PasskeyForm, SignInPasskeyForm


def _ways(user: User) -> set[str]:
    """The types of what the person has to prove who they are by, besides a password."""
    return set(Authenticator.objects.filter(user=user).values_list("type", flat=True))


class SecondStep(mfa.AuthenticateView):  # type: ignore[misc]  # allauth ships no types
    """After the password: a code of the app, a recovery code, or a passkey."""

    webauthn_form_class = PasskeyForm

    @transaction.atomic
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Sign in, or say what was wrong."""
        lock_factors(self.stage.login.user)
        return cast(HttpResponse, super().post(request, *args, **kwargs))

    def form_invalid(self, form: Form) -> HttpResponse:
        """Ask again; of a code the lock has told already."""
        if isinstance(form, PasskeyForm):
            passkey_failed(self.stage.login.user)
        return cast(HttpResponse, super().form_invalid(form))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Which ways the person has."""
        return {**super().get_context_data(**kwargs), "ways": _ways(self.stage.login.user)}


class SignInByPasskey(webauthn.LoginWebAuthnView):  # type: ignore[misc]  # allauth ships no types
    """A passkey in the place of password and code. No lock stops it: there is nothing to guess."""

    form_class = SignInPasskeyForm

    @transaction.atomic
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Sign in."""
        return cast(HttpResponse, super().post(request, *args, **kwargs))

    def form_invalid(self, form: Form) -> HttpResponse:
        """Back to the sign-in page, which says so."""
        passkey_failed(None)
        return _back(self.request, form, "account_login")


class _Confirm:
    """What the two pages that ask once more share."""

    request: HttpRequest

    @transaction.atomic
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Confirm, or say what was wrong."""
        lock_factors(cast(User, request.user))
        return cast(HttpResponse, super().post(request, *args, **kwargs))  # type: ignore[misc]  # allauth's, beside us


class ConfirmByCode(_Confirm, mfa.ReauthenticateView):  # type: ignore[misc]  # allauth ships no types
    """A code of the app or a recovery code."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Which ways the person has."""
        return {**super().get_context_data(**kwargs), "ways": _ways(cast(User, self.request.user))}


class ConfirmByPasskey(_Confirm, webauthn.ReauthenticateWebAuthnView):  # type: ignore[misc]  # allauth ships no types
    """A passkey."""

    form_class = ConfirmPasskeyForm

    def form_invalid(self, form: Form) -> HttpResponse:
        """Tell of it and ask again."""
        passkey_failed(cast(User, self.request.user))
        return _back(self.request, form, "mfa_reauthenticate_webauthn")


def _back(request: HttpRequest, form: Form, page: str) -> HttpResponse:
    """To the page with the button, which keeps where to go afterwards."""
    for text in (text for errors in form.errors.values() for text in errors):
        messages.error(request, str(text))
    wanted = request.POST.get("next", "")
    return redirect(reverse(page) + (f"?{urlencode({'next': wanted})}" if wanted else ""))


second_step = SecondStep.as_view()
sign_in_by_passkey = SignInByPasskey.as_view()
confirm_by_password = transaction.atomic(account.reauthenticate)
confirm_by_code = ConfirmByCode.as_view()
confirm_by_passkey = ConfirmByPasskey.as_view()
