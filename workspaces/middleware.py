"""Connects rules to requests: who is idle too long is signed out; who is no member of a workspace sees nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from audit import context
from workspaces import idle
from workspaces.access import access_of, has_hipaa_access
from workspaces.fresh import ask_again
from workspaces.mfa import second_factors
from workspaces.models import SupportAccess, User, Workspace
from workspaces.requests import READING, MemberRequest, is_passive, page_of, to_sign_in
from workspaces.sign_in import end_session

Respond = Callable[[HttpRequest], HttpResponseBase]
WANTED = "wanted"  # session key: the page somebody asked for before they were sent to enrol
# Routes that need no second factor: they lead to one, or out.
OPEN_BEFORE_ENROLMENT = ("account_", "mfa_", "session_", "healthz", "readyz")


class IdleMiddleware:
    """Signs people out by the server's clock, whatever their browser claims."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a session that lives, end one that is over; a signed-out browser forgets what it was shown."""
        was_signed_in = request.user.is_authenticated
        end = _end_of(request) if was_signed_in else None
        response = self._signed_out(request, end) if end else self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        if was_signed_in and not request.user.is_authenticated:
            response["Clear-Site-Data"] = '"cache", "storage"'
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: list[Any], kwargs: dict[str, Any]
    ) -> None:
        """Note the action: here the route is known, which decides whether the request counts as one."""
        if request.user.is_authenticated and not is_passive(request, view):
            now = time.time()
            if idle.should_note(now=now, seen=request.session["seen"]):
                request.session["seen"] = now

    def _signed_out(self, request: HttpRequest, end: idle.End) -> HttpResponse:
        """End the session; the sign-in page says why."""
        end_session(request, cast(User, request.user), end)
        return to_sign_in(request, ended=end.value.replace(" ", "-"))


def _end_of(request: HttpRequest) -> idle.End | None:
    """Why the session is over, or None while it lives. Notes on the request whether the 15-minute rule holds."""
    session = request.session
    user = cast(User, request.user)
    mine = request.__dict__["my_workspaces"] = list(user.workspaces.all())
    hipaa = request.__dict__["is_bound_by_hipaa"] = has_hipaa_access(user, mine)
    return idle.session_end(now=time.time(), born=session.get("born"), seen=session.get("seen"), hipaa=hipaa)


class FreshMiddleware:
    """Asks who changes a second factor to prove who they are, without keeping what they sent.

    allauth would store a whole POST in the session and repeat it afterwards; ours comes back to the page instead.
    """

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer; the work is done in `process_exception`."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Ask, where allauth says that the proof is missing or too old."""
        if not isinstance(exception, ReauthenticationRequired):
            return None
        if not request.user.is_authenticated:
            return to_sign_in(request)
        return ask_again(request, come_back=request.get_full_path() if request.method in READING else request.path)


class SecondFactorMiddleware:
    """Whoever must have a second factor and has none yet enrols before they see anything else."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer; the work is done in `process_view`, where the route is known."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: list[Any], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """Let the pages of signing in, signing out and enrolling through."""
        name = request.resolver_match.view_name if request.resolver_match else ""
        if not request.user.is_authenticated or name.startswith(OPEN_BEFORE_ENROLMENT):
            return None
        if not request.__dict__.get("is_bound_by_hipaa") or second_factors(request.user).exists():
            return None
        where = reverse("mfa_index")
        request.session[WANTED] = page_of(request, htmx=bool(request.headers.get("HX-Request"))) or "/"
        if request.headers.get("HX-Request") == "true":
            return HttpResponse(status=401, headers={"HX-Redirect": where})
        return redirect(where)


def _act_on_behalf(user: User, leave: SupportAccess) -> None:
    """From here on each audit row of the request names the owner who let the person in as well."""
    owner = leave.granted_by
    context.current().on_behalf = context.OnBehalf(
        actor_user_id=str(user.pk),
        workspace_id=str(leave.workspace_id),
        owner_user_id=str(owner.pk),
        owner_label=owner.email,
    )


def _is_gone(request: HttpRequest) -> bool:
    """Whether the browser names a session that was ended without it: by the worker, an owner or another device."""
    return bool(request.COOKIES.get(settings.SESSION_COOKIE_NAME)) and request.session.session_key is None


def _mine(request: HttpRequest, slug: str) -> Workspace | None:
    """The workspace of this slug among the person's own, which every request has read."""
    mine: list[Workspace] = request.__dict__.get("my_workspaces", [])
    return next((workspace for workspace in mine if workspace.slug == slug), None)


class WorkspaceMiddleware:
    """Every route with a `workspace_slug` needs a signed-in member; others are sent to sign in or told 404."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer; the work is done in `process_view`, where the route's arguments are known."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: list[Any], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """Swap the slug for `request.workspace` and `request.access`."""
        slug = kwargs.pop("workspace_slug", None)
        if slug is None:
            return None
        if not request.user.is_authenticated:
            return to_sign_in(request, ended="over" if _is_gone(request) else "")
        workspace = _mine(request, slug) or get_object_or_404(Workspace, slug=slug)
        access = access_of(request.user, workspace)
        if not access:
            raise Http404("no such workspace")
        if access.leave:
            _act_on_behalf(request.user, access.leave)
        member = cast(MemberRequest, request)
        member.workspace, member.access, member.rights = workspace, access, access.rights
        return None
