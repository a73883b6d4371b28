"""Connects two rules to requests: who is idle too long is signed out; who is no member of a workspace sees nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib.auth import logout
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from audit.event_types import EventType
from audit.record import record
from workspaces import idle
from workspaces.access import has_hipaa_access, rights_of
from workspaces.models import User, Workspace
from workspaces.requests import MemberRequest

Respond = Callable[[HttpRequest], HttpResponseBase]


class IdleMiddleware:
    """Signs people out by the server's clock, whatever their browser claims."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """End a session that is over; otherwise note the action, unless the browser made the request by itself."""
        if not request.user.is_authenticated:
            return self.get_response(request)
        session, now = request.session, time.time()
        born, seen = session.get("born"), session.get("seen")
        if born is None or seen is None:
            session["born"] = session["seen"] = now
        elif end := idle.session_end(now=now, born=born, seen=seen, hipaa=has_hipaa_access(request.user)):
            return self._end(request, end)
        elif request.headers.get("X-Passive") != "1" and idle.should_note(now=now, seen=seen):
            session["seen"] = now
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _end(self, request: HttpRequest, end: idle.End) -> HttpResponse:
        with transaction.atomic():
            record(EventType.SESSION_TIMED_OUT, actor=cast(User, request.user), details={"reason": end.value})
            logout(request)
        query = {"ended": end.value.replace(" ", "-")}
        if request.method == "GET" and not getattr(request, "htmx", False):
            query["next"] = request.get_full_path()
        where = f"{reverse('account_login')}?{urlencode(query)}"
        htmx = request.headers.get("HX-Request") == "true"
        response = HttpResponse(status=401, headers={"HX-Redirect": where}) if htmx else redirect(where)
        response["Clear-Site-Data"] = '"cache", "storage"'
        response["Cache-Control"] = "no-store"
        return response


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
        """Swap the slug for `request.workspace` and `request.rights`."""
        slug = kwargs.pop("workspace_slug", None)
        if slug is None:
            return None
        if not request.user.is_authenticated:
            return redirect(f"{reverse('account_login')}?{urlencode({'next': request.get_full_path()})}")
        workspace = get_object_or_404(Workspace, slug=slug)
        rights = rights_of(request.user, workspace)
        if not rights:
            raise Http404("no such workspace")
        member = cast(MemberRequest, request)
        member.workspace, member.rights = workspace, rights
        return None
