"""Forms of a new app and of passkeys: allauth's checks, in our words."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, cast

from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    EditWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from django.core.exceptions import ValidationError

from workspaces.account_forms import code_field
from workspaces.mfa import MfaAdapter, use_up
from workspaces.sealing import SealError

NAME_LENGTH = 60
WRONG_PASSKEY = "The passkey was not accepted. Try again, or use another way."
# What parsing an answer no browser gave may raise.
MALFORMED = (ValidationError, KeyError, TypeError, ValueError, AttributeError)


class ActivateAppForm(ActivateTOTPForm):  # type: ignore[misc]  # allauth ships no types
    """The first code of an app, for a secret that waits in the session: sealed, as every secret at rest."""

    code = code_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        session, adapter = context.request.session, MfaAdapter()
        sealed = session.pop(SECRET_SESSION_KEY, "")
        super().__init__(*args, **kwargs)  # draws a new secret
        if self.is_bound and sealed:
            with suppress(SealError):  # under a key that is gone: the page shows the new one
                self.secret = adapter.decrypt(sealed)
        session[SECRET_SESSION_KEY] = adapter.encrypt(self.secret)

    def clean_code(self) -> str:
        """The code, which then signs nobody in any more."""
        code = cast(str, super().clean_code())
        use_up(code, user=self.user)
        return code


def _credential_field() -> forms.JSONField:
    """What the browser answers, by passkeys.js."""
    words = {"required": WRONG_PASSKEY, "invalid": WRONG_PASSKEY}
    return forms.JSONField(widget=forms.HiddenInput, error_messages=words)


class _PasskeyForm(forms.Form):
    """Says what went wrong in words that fit a passkey."""

    credential = _credential_field()

    def clean_credential(self) -> Authenticator:
        """The passkey that signed the challenge."""
        try:
            return cast(Authenticator, super().clean_credential())  # type: ignore[misc]  # allauth's, beside us
        except MALFORMED as error:
            raise ValidationError(WRONG_PASSKEY, code="incorrect_code") from error


class PasskeyForm(_PasskeyForm, AuthenticateWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    """The second step of a sign-in."""


class SignInPasskeyForm(_PasskeyForm, LoginWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    """A sign-in by passkey alone: it is held, and its holder verified."""


class ConfirmPasskeyForm(_PasskeyForm, ReauthenticateWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    """A passkey once more before something sensitive."""


def _name_field() -> forms.CharField:
    return forms.CharField(
        label="Name",
        max_length=NAME_LENGTH,
        required=False,
        help_text="Tells your passkeys apart, such as Work laptop.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    """A new passkey. All of ours can sign in alone, so that there is nothing to choose."""

    name = _name_field()
    credential = _credential_field()
    passwordless = None

    def clean(self) -> dict[str, Any]:
        """The name and the checked credential."""
        try:
            return cast("dict[str, Any]", super().clean())
        except MALFORMED as error:
            raise ValidationError(WRONG_PASSKEY, code="incorrect_code") from error


class RenamePasskeyForm(EditWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    """Another name for a passkey."""

    name = _name_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].required = True
