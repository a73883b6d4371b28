"""Connects two rules to requests: who is idle too long is signed out; who is no member of a workspace sees nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from workspaces import idle
from workspaces.access import access_of, has_hipaa_access
from workspaces.mfa import second_factors
from workspaces.models import User, Workspace
from workspaces.requests import MemberRequest
from workspaces.sign_in import end_session

Respond = Callable[[HttpRequest], HttpResponseBase]
READING = {"GET", "HEAD"}
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

    def _signed_out(self, request: HttpRequest, end: idle.End) -> HttpResponse:
        """End the session; the sign-in page says why, and that a form on its way was not saved."""
        end_session(request, cast(User, request.user), end)
        unsaved = {} if request.method in READING else {"unsaved": "1"}
        return to_sign_in(request, ended=end.value.replace(" ", "-"), **unsaved)


def _end_of(request: HttpRequest) -> idle.End | None:
    """Why the session is over. If it lives, note the action, unless the browser made the request by itself."""
    session, now = request.session, time.time()
    born, seen = session.get("born"), session.get("seen")
    hipaa = request.__dict__["is_bound_by_hipaa"] = has_hipaa_access(cast(User, request.user))
    end = idle.session_end(now=now, born=born, seen=seen, hipaa=hipaa)
    if not end and request.headers.get("X-Passive") != "1" and idle.should_note(now=now, seen=cast(float, seen)):
        session["seen"] = now
    return end


def to_sign_in(request: HttpRequest, **query: str) -> HttpResponse:
    """Send the browser to the sign-in page, and back here afterwards; htmx is told to go there as a whole page."""
    htmx = request.headers.get("HX-Request") == "true"
    query["next"] = _page_of(request, htmx=htmx)
    where = f"{reverse('account_login')}?{urlencode({key: value for key, value in query.items() if value})}"
    return HttpResponse(status=401, headers={"HX-Redirect": where}) if htmx else redirect(where)


def _page_of(request: HttpRequest, *, htmx: bool) -> str:
    """The page the person was on, as a path of this site; empty where a form or a fragment does not tell."""
    if htmx:
        page = urlsplit(request.headers.get("HX-Current-URL", ""))
        return page.path if page.netloc == request.get_host() and not page.path.startswith("//") else ""
    return request.get_full_path() if request.method in READING else ""


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
        if request.headers.get("HX-Request") == "true":
            return HttpResponse(status=401, headers={"HX-Redirect": where})
        return redirect(where)


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
            return to_sign_in(request)
        workspace = get_object_or_404(Workspace, slug=slug)
        access = access_of(request.user, workspace)
        if not access:
            raise Http404("no such workspace")
        member = cast(MemberRequest, request)
        member.workspace, member.access, member.rights = workspace, access, access.rights
        return None
