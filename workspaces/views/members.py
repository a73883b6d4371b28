"""Access Management: the members of a workspace, their roles, removing them."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from audit.event_types import EventType
from audit.middleware import audited
from workspaces import grants, kept_answers, listing, member_list
from workspaces import members as verbs
from workspaces.access import access_of
from workspaces.forms import RolesForm
from workspaces.fresh import ask_again, is_fresh
from workspaces.models import Membership
from workspaces.requests import MemberRequest


@require_safe
@audited(EventType.MEMBER_LIST_VIEWED)
def members(request: MemberRequest) -> HttpResponse:
    """The workspace's members: searched, sorted, in pages."""
    asked = listing.Question.read(request.GET, member_list.COLUMNS)
    page = listing.page_of(member_list.find(request.workspace, asked, actor=request.user), request.GET)
    context = {"page": page, "asked": asked, "links": listing.links(page, asked)}
    return render(request, "workspaces/people/members.html", context)


@require_safe
def members_csv(request: MemberRequest) -> HttpResponse:
    """Every member with their roles as a file."""
    text = verbs.export(request.workspace, actor=request.user)
    name = f"{request.workspace.slug}-members-{timezone.now():%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.MEMBER_VIEWED)
def member(request: MemberRequest, membership_id: uuid.UUID) -> HttpResponse:
    """One member: who they are, what they may do, their roles to change.

    Letting somebody see personal data asks who is doing it; the answers wait in the meantime.
    """
    membership = _find(request, membership_id)
    given = grants.given_to(membership)
    kept = kept_answers.take(request)
    form = RolesForm(request.workspace, request.POST if request.method == "POST" else kept, given=given)
    if request.method == "POST" and form.is_valid():
        if grants.opens_pii(given, form.roles()) and not is_fresh(request):
            kept_answers.keep(request)
            return ask_again(request, come_back=request.path)
        try:
            return _change(request, membership, form)
        except ValidationError as refusal:
            form.add_error(None, refusal)
    access = access_of(membership.user, request.workspace)
    context = {
        "membership": membership,
        "form": form,
        "is_kept": kept is not None,
        "everywhere": sorted(right.value for right in access.everywhere),
        "somewhere": sorted(
            (right.value, len(sources))
            for right, sources in access.on_sources.items()
            if right not in access.everywhere
        ),
    }
    return render(request, "workspaces/people/member.html", context)


def _change(request: MemberRequest, membership: Membership, form: RolesForm) -> HttpResponse:
    if verbs.change_roles(membership, form.roles(), actor=request.user):
        messages.success(request, "The roles are saved. They hold from the next page this member opens.")
    if membership.user_id == request.user.pk:  # who may have given up the right to see this page
        return redirect("home", request.workspace.slug)
    return redirect("member", request.workspace.slug, membership.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@audited(EventType.MEMBER_VIEWED)
def remove(request: MemberRequest, membership_id: uuid.UUID) -> HttpResponse:
    """Ask whether to remove a member, and do so."""
    membership = _find(request, membership_id)
    refusals: list[str] = []
    if request.method == "POST":
        try:
            return _remove(request, membership)
        except ValidationError as refusal:
            refusals = refusal.messages
    context = {
        "membership": membership,
        "refusals": refusals,
        "invitations": [invitation.email for invitation in verbs.invitations_of(membership)],
    }
    return render(request, "workspaces/people/member_remove.html", context)


def _remove(request: MemberRequest, membership: Membership) -> HttpResponse:
    user = membership.user
    verbs.remove_member(membership, actor=request.user)
    if user.pk == request.user.pk:
        logout(request)  # their session is gone already
        return redirect("account_login")
    messages.success(request, f"{user.get_short_name()} is no longer a member and was signed out everywhere.")
    return redirect("members", request.workspace.slug)


def _find(request: MemberRequest, membership_id: uuid.UUID) -> Membership:
    membership = verbs.find(membership_id, workspace=request.workspace, actor=request.user)
    request.audit_subject = membership
    return membership
