"""Second factors in one's account: an overview, adding and removing them, recovery codes."""

from __future__ import annotations

from typing import Any, cast

from allauth.mfa.models import Authenticator
from allauth.mfa.totp import views as totp
from allauth.mfa.totp.internal.auth import clear_totp_secret
from allauth.mfa.webauthn import views as webauthn
from allauth.mfa.webauthn.internal.auth import begin_registration
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from workspaces import second_factors
from workspaces.fresh import fresh_authentication_required
from workspaces.mfa import MfaAdapter, must_have_second_factor
from workspaces.mfa import second_factors as factors_of
from workspaces.middleware import WANTED
from workspaces.models import User
from workspaces.second_factors import KINDS, Kind, LastFactorError
from workspaces.views.second_factor_forms import ActivateAppForm, AddPasskeyForm, RenamePasskeyForm

MUST_STAY = "This is your only second factor, and you need one. Add another before you remove it."


@require_http_methods(["GET", "HEAD"])
@login_required
def overview(request: HttpRequest) -> HttpResponse:
    """What the person has; who must have a second factor and has none reads why, and chooses one."""
    user = cast(User, request.user)
    factors = list(Authenticator.objects.filter(user=user).order_by("created_at"))
    app = next((factor for factor in factors if factor.type == Kind.TOTP), None)
    passkeys = [factor for factor in factors if factor.type == Kind.WEBAUTHN]
    context = {"app": app, "passkeys": passkeys, "required": must_have_second_factor(user)}
    if not app and not passkeys:
        return render(request, "mfa/enrol.html" if context["required"] else "mfa/index.html", context)
    return render(request, "mfa/index.html", {**context, "codes_left": second_factors.codes_left(user)})


class ActivateApp(totp.ActivateTOTPView):  # type: ignore[misc]  # allauth ships no types
    """Scan the secret, type a first code."""

    form_class = ActivateAppForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Who has an app already is told so on the overview."""
        if Authenticator.objects.filter(user=request.user, type=Kind.TOTP).exists():
            return redirect("mfa_index")
        return cast(HttpResponseBase, super().dispatch(request, *args, **kwargs))

    def form_valid(self, form: ActivateAppForm) -> HttpResponse:
        """Keep the secret and go on to the recovery codes."""
        made_codes = second_factors.add_app(secret=form.secret, actor=cast(User, self.request.user))
        clear_totp_secret(self.request)
        return _go_on(self.request, KINDS[Kind.TOTP], made_codes=made_codes)


class AddPasskey(webauthn.AddWebAuthnView):  # type: ignore[misc]  # allauth ships no types
    """The browser makes a key pair; we keep its public half."""

    form_class = AddPasskeyForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The challenge, for a passkey that can sign in by itself. Asked for after the form was checked."""
        context = cast("dict[str, Any]", super(webauthn.AddWebAuthnView, self).get_context_data(**kwargs))
        return {**context, "js_data": {"creation_options": begin_registration(self.request.user, passwordless=True)}}

    def form_valid(self, form: AddPasskeyForm) -> HttpResponse:
        """Keep the passkey and go on."""
        data = form.cleaned_data
        made_codes = second_factors.add_passkey(
            name=data["name"], credential=data["credential"], actor=cast(User, self.request.user)
        )
        return _go_on(self.request, KINDS[Kind.WEBAUTHN], made_codes=made_codes)


def _go_on(request: HttpRequest, kind: str, *, made_codes: bool) -> HttpResponse:
    """To the recovery codes where there are new ones, else to the page that was asked for, else the overview."""
    messages.success(request, f"Your {kind} is added.")
    if made_codes:
        return redirect("mfa_view_recovery_codes")
    return redirect(request.session.pop(WANTED, "mfa_index"))


@login_required
@fresh_authentication_required
@require_http_methods(["GET", "HEAD", "POST"])
def remove_app(request: HttpRequest) -> HttpResponse:
    """Ask, then forget the authenticator app."""
    return _remove(request, get_object_or_404(Authenticator, user=request.user, type=Kind.TOTP))


@login_required
@fresh_authentication_required
@require_http_methods(["GET", "HEAD", "POST"])
def remove_passkey(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then forget a passkey."""
    return _remove(request, _own_passkey(request, pk))


def _own_passkey(request: HttpRequest, pk: int) -> Authenticator:
    return get_object_or_404(Authenticator, user=request.user, type=Kind.WEBAUTHN, pk=pk)


def _remove(request: HttpRequest, factor: Authenticator) -> HttpResponse:
    """The question with GET; with POST it is done, unless the factor is the last of one who needs it."""
    kind = KINDS[factor.type]
    if request.method == "POST":
        try:
            second_factors.remove_factor(factor, actor=cast(User, request.user))
        except LastFactorError:
            messages.error(request, MUST_STAY)
        else:
            messages.success(request, f"Your {kind} is removed.")
        return redirect("mfa_index")
    may_go = MfaAdapter().can_delete_authenticator(factor)
    return render(request, "mfa/remove.html", {"factor": factor, "kind": kind, "may_go": may_go})


@login_required
@fresh_authentication_required
@require_http_methods(["GET", "HEAD", "POST"])
def rename_passkey(request: HttpRequest, pk: int) -> HttpResponse:
    """Another name for a passkey."""
    passkey = _own_passkey(request, pk)
    form = RenamePasskeyForm(request.POST or None, instance=passkey)
    if request.method == "POST" and form.is_valid():
        second_factors.rename_passkey(passkey, name=form.cleaned_data["name"], actor=cast(User, request.user))
        messages.success(request, "The new name is saved.")
        return redirect("mfa_index")
    return render(request, "mfa/webauthn/edit_form.html", {"form": form, "passkey": passkey})


@login_required
@fresh_authentication_required
@require_http_methods(["GET"])  # a HEAD would use up what is shown once
@never_cache
@transaction.atomic  # a page that cannot be made has shown nothing
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """The codes, once after they were made; later only how many are left."""
    user = cast(User, request.user)
    left = second_factors.codes_left(user)
    if left is None:
        return redirect("mfa_index")
    codes = second_factors.reveal_codes(actor=user)
    wanted = request.session.pop(WANTED, "") if codes else ""
    return render(request, "mfa/recovery_codes/index.html", {"codes": codes, "left": left, "wanted": wanted})


@login_required
@fresh_authentication_required
@require_http_methods(["GET", "HEAD", "POST"])
def generate_codes(request: HttpRequest) -> HttpResponse:
    """Ask, then make new codes in the place of the old ones."""
    user = cast(User, request.user)
    if not factors_of(user).exists():
        return redirect("mfa_index")
    if request.method == "POST":
        second_factors.generate_codes(actor=user)
        return redirect("mfa_view_recovery_codes")
    return render(request, "mfa/recovery_codes/generate.html", {"left": second_factors.codes_left(user)})


activate_app = login_required(fresh_authentication_required(ActivateApp.as_view()))
add_passkey = login_required(fresh_authentication_required(AddPasskey.as_view()))
