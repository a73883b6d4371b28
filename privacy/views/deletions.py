"""Privacy > Settings > Deletion Requests: regulations, new ones, and the report of each."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from audit.event_types import EventType
from audit.middleware import audited
from audit.record import record
from privacy import regulation_list as lists
from privacy import regulations as verbs
from privacy.file_report import file_report
from privacy.models import Regulation
from privacy.regulation_files import PART, request_file
from privacy.regulation_forms import FindUserForm, RegulationForm
from workspaces import listing
from workspaces.access import Right, require_right
from workspaces.requests import MemberRequest, passive


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.REGULATION_LIST_VIEWED)
def deletions(request: MemberRequest) -> HttpResponse:
    """The requests of the last 90 days; a POST shows those about one end user, whose id stands in no address."""
    access = require_right(request.user, request.workspace, Right.MANAGE_END_USERS)
    request.audit_subject = workspace = request.workspace
    form = FindUserForm(request.POST if request.method == "POST" else None)
    wanted = form.cleaned_data["find"] if form.is_bound and form.is_valid() else ""
    page = listing.page_of(lists.regulations_of(workspace, wanted), request.GET)
    if request.method == "POST":
        # Shows the list again, which is recorded for GET requests only.
        record(EventType.REGULATION_LIST_VIEWED, actor=request.user, workspace_id=workspace.pk, subject=workspace)
    context = {
        "form": form,
        "wanted": wanted,
        "rows": lists.listed(page.object_list, access),
        "links": listing.links(page, lists.Plain()),
        "uploads": lists.open_uploads(workspace),
        "left": lists.left(workspace),
    }
    return render(request, "privacy/deletions.html", context)


@passive
@require_safe
def progress(request: MemberRequest) -> HttpResponse:
    """How far the files are that are being worked on; asked by the page itself every few seconds. Names nobody."""
    require_right(request.user, request.workspace, Right.MANAGE_END_USERS)
    return render(request, "privacy/deletions_progress.html", {"uploads": lists.open_uploads(request.workspace)})


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.REGULATION_LIST_VIEWED)
def new(request: MemberRequest) -> HttpResponse:
    """A new request, for one user or a file of them."""
    require_right(request.user, request.workspace, Right.MANAGE_END_USERS)
    request.audit_subject = request.workspace
    too_large = int(request.headers.get("Content-Length") or 0) > settings.FILE_UPLOAD_MAX_MEMORY_SIZE
    posted = request.method == "POST"
    form = RegulationForm(*((request.POST, request.FILES) if posted else ()), too_large=too_large)
    if posted and form.is_valid():
        try:
            messages.success(request, _asked(request, form))
            return redirect("privacy_deletions", request.workspace.slug)
        except verbs.RegulationError as refused:
            form.add_error(None, str(refused))
    return render(request, "privacy/deletion_new.html", {"form": form, "left": lists.left(request.workspace)})


@require_safe
@audited(EventType.REGULATION_VIEWED)
def details(request: MemberRequest, regulation_id: uuid.UUID) -> HttpResponse:
    """What one request did where."""
    access = require_right(request.user, request.workspace, Right.MANAGE_END_USERS)
    rows = Regulation.objects.filter(workspace=request.workspace).select_related("requested_by", "sweep")
    request.audit_subject = regulation = get_object_or_404(rows, pk=regulation_id)
    steps = list(regulation.steps.all())
    context = {
        "listed": lists.Listed(regulation, lists.shown_id(regulation, access)),
        "here": [step for step in steps if step.destination_id is None],
        "destinations": [step for step in steps if step.destination_id is not None],
        "forwards": regulation.type in verbs.FORWARDS,
        "deletes": regulation.type in verbs.DELETES,
        "searched": lists.searched(regulation),
    }
    return render(request, "privacy/deletion.html", context)


@require_safe
@audited(EventType.REGULATION_VIEWED)
def of_file(request: MemberRequest, upload_id: uuid.UUID) -> HttpResponse:
    """What all requests of one file did where. Names nobody."""
    require_right(request.user, request.workspace, Right.MANAGE_END_USERS)
    request.audit_subject = request.workspace
    report = file_report(request.workspace, upload_id)
    if report is None:
        raise Http404
    return render(request, "privacy/deletion_file.html", {"report": report})


def _asked(request: MemberRequest, form: RegulationForm) -> str:
    """Ask, and say so."""
    asked, ids = Regulation.Type(form.cleaned_data["regulation_type"]), form.cleaned_data["file"]
    if ids:
        request_file(request.workspace, regulation_type=asked, user_ids=ids, actor=request.user)
        are = "are taken in" if len(ids) <= PART else "are being taken in"
        return f"{len(ids):,} users of the file {are}. The list shows how far they are."
    user_id = form.cleaned_data["user_id"]
    verbs.request_regulation(request.workspace, regulation_type=asked, user_id=user_id, actor=request.user)
    return "The request is taken in. The list shows how far it is."
