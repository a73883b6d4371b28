"""Requests as views see them: inside a workspace, made by a page rather than a person, or too late to be answered."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django_htmx.middleware import HtmxDetails

from workspaces import idle
from workspaces.access import Access, Right
from workspaces.models import User, Workspace

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
READING = {"GET", "HEAD"}
WITHOUT_ANSWERS = ("session_stay", "account_logout")  # posted without anything a person would miss


class MemberRequest(HttpRequest):
    """Set up by WorkspaceMiddleware; never instantiated here."""

    user: User
    workspace: Workspace
    access: Access
    rights: frozenset[Right]  # those of `access`, wherever they hold
    htmx: HtmxDetails
    audit_subject: object
    audit_details: dict[str, object]
    audit_message_id: str
    source_id: uuid.UUID  # of the source a page is about, itself or a destination it feeds; not set elsewhere


def passive(view: View) -> View:
    """Mark a view that pages ask by themselves, such as a poll: it never counts as activity, whatever is sent along."""
    view.__dict__["is_passive"] = True  # functools.wraps carries it through outer decorators
    return view


def is_passive(request: HttpRequest, view: Callable[..., HttpResponseBase]) -> bool:
    """Whether a page made the request by itself. A browser may say so too, which only ever shortens its session."""
    return view.__dict__.get("is_passive", False) or request.headers.get("X-Passive") == "1"


def session_left(request: HttpRequest) -> idle.Left:
    """How long the session of a signed-in person goes on; where the rule is not known, the strict one."""
    session, hipaa = request.session, request.__dict__.get("is_bound_by_hipaa", True)
    return idle.session_left(now=time.time(), born=session.get("born", 0), seen=session.get("seen", 0), hipaa=hipaa)


def to_sign_in(request: HttpRequest, *, ended: str = "", unsaved: bool = True) -> HttpResponse:
    """Send the browser to the sign-in page, and back here afterwards; htmx is told to go there as a whole page.

    The page says why the session has ended, where that is known, and of a form on its way that it is `unsaved`.
    """
    htmx = request.headers.get("HX-Request") == "true"
    is_form = request.method not in READING and request.path not in {reverse(name) for name in WITHOUT_ANSWERS}
    query = {"ended": ended, "unsaved": "1" if is_form and unsaved else "", "next": page_of(request, htmx=htmx)}
    where = f"{reverse('account_login')}?{urlencode({key: value for key, value in query.items() if value})}"
    return HttpResponse(status=401, headers={"HX-Redirect": where}) if htmx else redirect(where)


def page_of(request: HttpRequest, *, htmx: bool) -> str:
    """The page the person was on, with its query; empty where a form or a fragment does not tell."""
    if request.method in READING and not htmx:
        return request.get_full_path()
    page = urlsplit(request.headers.get("HX-Current-URL" if htmx else "Referer", ""))
    if page.netloc != request.get_host() or page.path.startswith("//"):
        return ""
    return page.path + (f"?{page.query}" if page.query else "")
