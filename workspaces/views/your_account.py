"""Your account: profile and sessions. Password and second factors are allauth's pages, under the same tabs."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from workspaces.forms import ProfileForm
from workspaces.fresh import ask_again, is_fresh
from workspaces.models import User
from workspaces.profile import change_profile
from workspaces.sessions import end_session, sessions_of, sign_out_everywhere


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """The person's name; their address is shown."""
    user = cast(User, request.user)
    form = ProfileForm(request.POST or None, initial={"name": user.name})
    if request.method == "POST" and form.is_valid():
        change_profile(user, name=form.cleaned_data["name"])
        messages.success(request, "Your changes are saved.")
        return redirect("user_profile")
    return render(request, "account/profile.html", {"form": form})


@require_safe
@login_required
def sessions(request: HttpRequest) -> HttpResponse:
    """Where the person is signed in."""
    found = sessions_of(cast(User, request.user), current=_key(request))
    return render(request, "account/sessions.html", {"sessions": found})


@require_POST
@login_required
def end_one(request: HttpRequest) -> HttpResponse:
    """End the session whose id is posted, unless it is this one. Asks first who the person is (ASVS 5.0 V7.5.2)."""
    if not is_fresh(request):
        return ask_again(request, come_back=reverse("user_sessions"))
    given = request.POST.get("session", "")
    session_id = int(given[:18]) if given.isascii() and given.isdigit() else 0
    if end_session(cast(User, request.user), session_id, but=_key(request)):
        messages.success(request, "That session is signed out.")
    else:
        messages.info(request, "That session is there no more. It may have ended already.")
    return redirect("user_sessions")


@require_POST
@login_required
def end_others(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    if not is_fresh(request):
        return ask_again(request, come_back=reverse("user_sessions"))
    sign_out_everywhere(cast(User, request.user), but=_key(request))
    messages.success(request, "You are signed out everywhere but here.")
    return redirect("user_sessions")


def _key(request: HttpRequest) -> str:
    return request.session.session_key or ""
