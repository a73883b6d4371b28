"""The page behind the link of an invitation. Looking at it does nothing: mail scanners follow links too."""

from __future__ import annotations

from http import HTTPStatus

from allauth.account.internal.flows.login import record_authentication
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from workspaces import invitations
from workspaces.forms import JoinForm
from workspaces.models import Invitation, User


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def accept_invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Accept with the account that is signed in, with one to sign in to, or with a new one.

    Only whoever holds the link, which went to the address by mail, learns whether the address has an account.
    """
    try:
        found = invitations.find(secret)
    except Http404:
        return render(request, "account/invitation_gone.html", status=HTTPStatus.NOT_FOUND)
    if found.has_expired(timezone.now()):
        return render(request, "account/invitation_expired.html", {"found": found}, status=HTTPStatus.GONE)
    if isinstance(request.user, User):
        return _as_member(request, request.user, found, secret)
    if User.objects.filter(email=found.email).exists():
        return render(request, "account/invitation.html", {"found": found, "step": "sign in"})
    return _as_newcomer(request, found, secret)


def _as_member(request: HttpRequest, user: User, found: Invitation, secret: str) -> HttpResponse:
    if user.email != found.email:
        return render(request, "account/invitation.html", {"found": found, "step": "another account"})
    if request.method == "POST":
        try:
            membership = invitations.accept(secret, user=user)
        except ValidationError as refusal:
            messages.error(request, refusal.messages[0])
            return redirect(request.path)
        messages.success(request, f"You are a member of {membership.workspace.name}.")
        return redirect("home", membership.workspace.slug)
    return render(request, "account/invitation.html", {"found": found, "step": "accept"})


@sensitive_variables("form")
def _as_newcomer(request: HttpRequest, found: Invitation, secret: str) -> HttpResponse:
    form = JoinForm(found.email, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                user = invitations.join_anew(secret, **form.cleaned_data)
                login(request, user, backend=settings.AUTHENTICATION_BACKENDS[-1])
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            record_authentication(request, user, method="password")
            return redirect("home", found.workspace.slug)
    return render(request, "account/invitation.html", {"found": found, "step": "join", "form": form})
