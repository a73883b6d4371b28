"""The way in: from the root or a link in a document to a workspace of one's own."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from workspaces import support_leave
from workspaces.models import User, Workspace

LAST_WORKSPACE = "last_workspace"  # session key: slug of the workspace whose home was opened last


@require_safe
@login_required
def root(request: HttpRequest) -> HttpResponse:
    """To the home of the last workspace, else the first; to the chooser where there is none."""
    mine = _my_workspace(request)
    return redirect("home", mine.slug) if mine else redirect("workspaces")


@require_safe
@login_required
def chooser(request: HttpRequest) -> HttpResponse:
    """Every workspace of the person with their role in it."""
    mine = cast(User, request.user).memberships.select_related("workspace").prefetch_related("grants")
    memberships = mine.order_by("workspace__name")
    leaves = support_leave.open_to(cast(User, request.user))
    return render(request, "workspaces/chooser.html", {"memberships": memberships, "leaves": leaves})


@require_safe
@login_required
def go_to_mine(request: HttpRequest, rest: str = "home") -> HttpResponse:
    """The same page in one's own workspace: documents link to `/goto-my-workspace/sources`."""
    mine = _my_workspace(request)
    if mine is None:
        return redirect("workspaces")
    query = request.META["QUERY_STRING"]
    return redirect(f"/{mine.slug}/{rest}" + (f"?{query}" if query else ""))


def _my_workspace(request: HttpRequest) -> Workspace | None:
    mine = cast(User, request.user).workspaces.order_by("name")
    return mine.filter(slug=request.session.get(LAST_WORKSPACE, "")).first() or mine.first()
