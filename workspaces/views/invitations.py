"""Access Management: inviting people, sending an invitation again, taking it back."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit.event_types import EventType
from audit.middleware import audited
from workspaces import grants, kept_answers, listing, member_list
from workspaces import invitations as verbs
from workspaces.access import Right, require_right
from workspaces.forms import InviteForm
from workspaces.fresh import ask_again, is_fresh
from workspaces.models import Invitation
from workspaces.requests import MemberRequest


@require_safe
@audited(EventType.MEMBER_LIST_VIEWED)
def invitations(request: MemberRequest) -> HttpResponse:
    """Who was invited and has not come yet."""
    asked = listing.Question.read(request.GET, member_list.INVITATION_COLUMNS)
    page = listing.page_of(member_list.find_invitations(request.workspace, asked, actor=request.user), request.GET)
    context = {"page": page, "asked": asked, "links": listing.links(page, asked), "now": timezone.now()}
    return render(request, "workspaces/people/invitations.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: MemberRequest) -> HttpResponse:
    """Ask for addresses and roles, and send the invitations.

    Letting somebody see personal data asks who is doing it; the answers wait in the meantime.
    """
    require_right(request.user, request.workspace, Right.MANAGE_MEMBERS)
    kept = kept_answers.take(request)
    form = InviteForm(request.workspace, request.POST if request.method == "POST" else kept)
    if request.method == "POST" and form.is_valid():
        if grants.opens_pii((), form.roles()) and not is_fresh(request):
            kept_answers.keep(request)
            return ask_again(request, come_back=request.path)
        try:
            sent = verbs.invite_all(
                request.workspace, emails=form.cleaned_data["emails"], roles=form.roles(), actor=request.user
            )
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            _tell(request, sent)
            return redirect("invitations", request.workspace.slug)
    return render(request, "workspaces/people/invite.html", {"form": form, "is_kept": kept is not None})


@require_safe
@audited(EventType.MEMBER_VIEWED)
def invitation(request: MemberRequest, invitation_id: uuid.UUID) -> HttpResponse:
    """One invitation: what it promises, when it was sent, and what can be done with it."""
    found = _find(request, invitation_id)
    context = {
        "invitation": found,
        "promised": grants.told(verbs.roles_of(found)),
        "has_expired": found.has_expired(timezone.now()),
    }
    return render(request, "workspaces/people/invitation.html", context)


@require_POST
def resend(request: MemberRequest, invitation_id: uuid.UUID) -> HttpResponse:
    """Send it again with a new link."""
    found = _find(request, invitation_id)
    verbs.resend(found, actor=request.user)
    _tell(request, [found])
    return redirect("invitations", request.workspace.slug)


@require_POST
def revoke(request: MemberRequest, invitation_id: uuid.UUID) -> HttpResponse:
    """Take it back."""
    found = _find(request, invitation_id)
    verbs.revoke(found, actor=request.user)
    messages.success(request, f"The invitation of {found.email} is revoked. Its link no longer works.")
    return redirect("invitations", request.workspace.slug)


def _find(request: MemberRequest, invitation_id: uuid.UUID) -> Invitation:
    mine = verbs.invitations_of(request.workspace, actor=request.user)
    request.audit_subject = found = get_object_or_404(mine, pk=invitation_id)
    return found


def _tell(request: MemberRequest, sent: Sequence[Invitation]) -> None:
    """Which mails went out, and which did not."""
    lost = [each.email for each in sent if each.mail_failed]
    gone = [each.email for each in sent if not each.mail_failed]
    if gone:
        messages.success(request, f"Invited: {', '.join(gone)}. The link in the mail works once, for three days.")
    if lost:
        messages.error(
            request, f"The mail could not be sent to {', '.join(lost)}. Check the mail server, then send again."
        )
