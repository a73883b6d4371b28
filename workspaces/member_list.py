"""Access Management: which members and invitations, in what order."""

from __future__ import annotations

from django.db.models import F, QuerySet

from workspaces import invitations, members
from workspaces.listing import Question
from workspaces.models import Invitation, Membership, User, Workspace

COLUMNS = {"email": "User", "mfa": "MFA", "last_login": "Last Sign-in", "created": "Added"}
_KEYS = {
    "email": F("user__email"),
    "mfa": F("has_mfa"),
    "last_login": F("user__last_login"),
    "created": F("created_at"),
}
INVITATION_COLUMNS = {"email": "E-mail", "sent": "Sent", "expires": "Expires"}
_INVITATION_KEYS = {"email": F("email"), "sent": F("sent_at"), "expires": F("expires_at")}


def find(workspace: Workspace, asked: Question, *, actor: User) -> QuerySet[Membership]:
    """The members asked for."""
    return asked.in_order(members.members_of(workspace, text=asked.text, actor=actor), _KEYS)


def find_invitations(workspace: Workspace, asked: Question, *, actor: User) -> QuerySet[Invitation]:
    """The invitations asked for."""
    found = invitations.invitations_of(workspace, text=asked.text, actor=actor)
    return asked.in_order(found, _INVITATION_KEYS)
