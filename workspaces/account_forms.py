"""allauth's forms where ours have to refuse more: no code, and no old password, may be guessed at without end."""

from __future__ import annotations

from typing import cast

from allauth.account.adapter import get_adapter
from allauth.account.forms import ChangePasswordForm as AllauthChangePasswordForm
from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm as AllauthAuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as AllauthReauthenticateForm
from allauth.mfa.models import Authenticator
from django import forms
from django.core.exceptions import ValidationError

from workspaces.lockout import count_wrong_code, is_refused
from workspaces.mfa import WRONG_CODE, use_up
from workspaces.models import User


def code_field() -> forms.CharField:
    """A box for a code, which is typed from another screen: a phone shows its digits, nothing corrects it."""
    attrs = {"autocomplete": "one-time-code", "inputmode": "numeric", "autocapitalize": "none", "spellcheck": "false"}
    return forms.CharField(label="Code", max_length=20, widget=forms.TextInput(attrs=attrs))


class _Lockable(forms.Form):
    """A form that asks for a code."""

    user: User
    authenticator: Authenticator
    code = code_field()

    def clean_code(self) -> str:
        """The code, where it is right, was not used before, and neither account nor address is locked."""
        if is_refused(context.request, self.user):
            raise ValidationError("Sign-in is locked for now.")
        code = cast(str, super().clean_code())  # type: ignore[misc]  # allauth's form is the next in line
        if self.authenticator.type == Authenticator.Type.TOTP and not use_up(code, user=self.user):
            count_wrong_code(request=context.request, user=self.user)
            raise ValidationError(WRONG_CODE, code="incorrect_code")
        return code


class AuthenticateForm(_Lockable, AllauthAuthenticateForm):  # type: ignore[misc]  # allauth ships no types
    """The code at sign-in."""


class ReauthenticateForm(_Lockable, AllauthReauthenticateForm):  # type: ignore[misc]
    """The code before something sensitive."""


class ChangePasswordForm(AllauthChangePasswordForm):  # type: ignore[misc]
    """The old password and a new one."""

    def clean_oldpassword(self) -> str:
        """The old password; a wrong one counts towards the lock as it does at sign-in."""
        password: str = self.cleaned_data["oldpassword"]
        if not get_adapter().reauthenticate(self.user, password):
            raise get_adapter().validation_error("enter_current_password")
        return password
