"""Privacy > Settings > Suppressed Users: whose events are dropped."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from audit.event_types import EventType
from audit.middleware import audited
from audit.record import record
from privacy import regulation_list as lists
from privacy import regulations as verbs
from privacy.models import Regulation, SuppressedUser
from privacy.regulation_forms import FindUserForm, SuppressForm
from workspaces import listing
from workspaces.access import Right, require_right
from workspaces.requests import MemberRequest


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.SUPPRESSED_USER_LIST_VIEWED)
def suppressed(request: MemberRequest) -> HttpResponse:
    """The suppressed users; a POST suppresses one, or shows the one that is looked for."""
    access = require_right(request.user, request.workspace, Right.MANAGE_END_USERS)
    request.audit_subject = workspace = request.workspace
    searching = request.method == "POST" and "find" in request.POST
    find = FindUserForm(request.POST if searching else None)
    form = SuppressForm(request.POST if request.method == "POST" and not searching else None)
    if form.is_bound and form.is_valid() and _suppress(request, form):
        return redirect("privacy_suppressed", workspace.slug)
    wanted = find.cleaned_data["find"] if find.is_bound and find.is_valid() else ""
    page = listing.page_of(lists.suppressed_users_of(workspace, wanted), request.GET)
    if request.method == "POST":
        # Shows the list again, which is recorded for GET requests only.
        record(EventType.SUPPRESSED_USER_LIST_VIEWED, actor=request.user, workspace_id=workspace.pk, subject=workspace)
    context = {
        "form": form,
        "find": find,
        "wanted": wanted,
        "rows": lists.listed(page.object_list, access),
        "links": listing.links(page, lists.Plain()),
        "by_deletion": lists.suppressed_by_deletion(workspace),
    }
    return render(request, "privacy/suppressed.html", context)


@require_POST
def remove(request: MemberRequest, row_id: uuid.UUID) -> HttpResponse:
    """Take the user's events again."""
    require_right(request.user, request.workspace, Right.MANAGE_END_USERS)
    row = get_object_or_404(SuppressedUser, pk=row_id, workspace=request.workspace)
    try:
        verbs.stop_suppression(row, actor=request.user)
        messages.success(request, "The user is no longer suppressed. Their events are stored again within 5 seconds.")
    except verbs.RegulationError as refused:
        messages.error(request, str(refused))
    return redirect("privacy_suppressed", request.workspace.slug)


def _suppress(request: MemberRequest, form: SuppressForm) -> bool:
    try:
        verbs.request_regulation(
            request.workspace,
            regulation_type=Regulation.Type.SUPPRESS_ONLY,
            user_id=form.cleaned_data["user_id"],
            actor=request.user,
        )
    except verbs.RegulationError as refused:
        form.add_error("user_id", str(refused))
        return False
    messages.success(request, "The user is suppressed. Their events are dropped within 5 seconds.")
    return True
