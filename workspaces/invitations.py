"""Inviting people: a link by mail that works once and expires. Only its digest is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone

from audit.event_types import EventType
from audit.models import AuditRow
from audit.record import record
from workspaces import grants, one_time
from workspaces.access import Right, lock_with_right, require_right
from workspaces.grants import RoleGiven
from workspaces.invitation_mail import send_invitation
from workspaces.models import Invitation, Membership, User, Workspace
from workspaces.roles import Scope

VALID_FOR = timedelta(days=3)  # documented: "within a few days"


@transaction.atomic
def invite(workspace: Workspace, *, email: str, roles: Sequence[RoleGiven], actor: User) -> Invitation:
    """Ask `email` to join with these roles; the mail goes out once this is committed.

    Raises ValidationError for a member, for an address that is invited already, and for a reach that cannot be given.
    """
    lock_with_right(actor, workspace, Right.MANAGE_MEMBERS)
    email = email.lower()
    if workspace.members.filter(email=email).exists():
        raise ValidationError({"email": f"{email} is a member already."})
    if workspace.invitations.filter(email=email).exists():
        raise ValidationError({"email": f"{email} is invited already. Send the invitation again instead."})
    grants.check(workspace, roles)
    kept = [given.as_json() for given in roles]
    invitation = Invitation(workspace=workspace, email=email, roles=kept, invited_by=actor)
    _send(invitation, actor)
    record(
        EventType.USER_INVITE_SENT,
        actor=actor,
        workspace_id=workspace.pk,
        subject=invitation,
        label=email,
        details={"roles": grants.told(roles)},
    )
    return invitation


@transaction.atomic
def invite_all(
    workspace: Workspace, *, emails: Iterable[str], roles: Sequence[RoleGiven], actor: User
) -> list[Invitation]:
    """Invite several people alike, all of them or none; raises ValidationError with what is wrong with each address."""
    invitations, problems = [], []
    for email in emails:
        try:
            invitations.append(invite(workspace, email=email, roles=roles, actor=actor))
        except ValidationError as refusal:
            if "email" not in refusal.message_dict:
                raise
            problems += refusal.message_dict["email"]
    if problems:
        raise ValidationError({"emails": problems})
    return invitations


def invitations_of(workspace: Workspace, *, text: str = "", actor: User) -> QuerySet[Invitation]:
    """Invitations not yet accepted whose address contains `text`, each with who sent it."""
    require_right(actor, workspace, Right.MANAGE_MEMBERS)
    return workspace.invitations.filter(email__icontains=text).select_related("invited_by", "workspace")


def roles_of(invitation: Invitation) -> list[RoleGiven]:
    """What the invited would be given today: without sources and labels that were removed since."""
    return _still_there(invitation)


@transaction.atomic
def resend(invitation: Invitation, *, actor: User) -> None:
    """Send a new link, good for another three days; the old one stops working. Http404 where it is no longer open."""
    _lock_open(invitation, actor)
    _send(invitation, actor)
    _record(EventType.USER_INVITE_SENT, invitation, actor, again=True)


@transaction.atomic
def revoke(invitation: Invitation, *, actor: User) -> None:
    """Take the invitation back; its link stops working. Http404 where it is no longer open."""
    _lock_open(invitation, actor)
    _record(EventType.USER_INVITE_DELETED, invitation, actor)
    invitation.delete()


def find(secret: str) -> Invitation:
    """The invitation a link stands for; Http404 where there is none any more. An expired one is given, and says so."""
    found = Invitation.objects.select_related("workspace", "invited_by").filter(digest=one_time.digest(secret)).first()
    if found is None:
        raise Http404("no such invitation")
    return found


@transaction.atomic
def accept(secret: str, *, user: User) -> Membership:
    """Make the invited a member; raises ValidationError for an expired link or another person's, Http404 for none.

    Whoever was made a member by other means meanwhile keeps the roles they have.
    """
    invitation = _lock(secret)
    _check_acceptable(invitation, user)
    membership, is_new = Membership.objects.get_or_create(workspace=invitation.workspace, user=user)
    if is_new:
        grants.write(membership, _still_there(invitation))
    _record(EventType.USER_INVITE_ACCEPTED, invitation, user, roles=grants.told(grants.given_to(membership)))
    invitation.delete()
    return membership


@transaction.atomic
def join_anew(secret: str, *, name: str, password: str) -> User:
    """Make an account for an invited address that has none; the link proves that the address is theirs."""
    invitation = _lock(secret)
    if User.objects.filter(email=invitation.email).exists():
        raise ValidationError("This address has an account. Sign in to accept the invitation.")
    if invitation.has_expired(timezone.now()):
        raise ValidationError(EXPIRED)
    user = User.objects.create_user(invitation.email, password, name=name)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    accept(secret, user=user)
    return user


EXPIRED = "This invitation has expired. Ask the person who invited you to send it again."


def _lock(secret: str) -> Invitation:
    """The invitation as it stands, until the transaction ends nobody else's: of two tabs the second waits here."""
    Workspace.objects.select_for_update().get(pk=find(secret).workspace_id)
    return find(secret)


def _lock_open(invitation: Invitation, actor: User) -> None:
    """Let nobody accept, revoke or send the invitation meanwhile: sent again, a revoked one would be back."""
    lock_with_right(actor, invitation.workspace, Right.MANAGE_MEMBERS)
    if not Invitation.objects.filter(pk=invitation.pk).exists():
        raise Http404("no such invitation")


def _check_acceptable(invitation: Invitation, user: User) -> None:
    if invitation.has_expired(timezone.now()):
        raise ValidationError(EXPIRED)
    if user.email != invitation.email:
        raise ValidationError(f"This invitation is for {invitation.email}. Sign in with that address to accept it.")


def _still_there(invitation: Invitation) -> list[RoleGiven]:
    """The roles promised, without the sources that were removed since, and none whose reach would be another."""
    promised = [RoleGiven.from_json(kept) for kept in invitation.roles]
    workspace = invitation.workspace
    sources = set(workspace.sources.values_list("pk", flat=True))
    labels = set(workspace.labels.values_list("pk", flat=True))
    return [
        RoleGiven(given.role, given.scope, given.source_ids & sources, given.label_ids)
        for given in promised
        # All labels of a role must be on a source: with one of them gone, the rest would reach further than promised.
        if given.label_ids <= labels and (given.scope is not Scope.CHOSEN or given.source_ids & sources)
    ]


def _send(invitation: Invitation, actor: User) -> None:
    secret = one_time.new_secret()
    now = timezone.now()
    invitation.digest = one_time.digest(secret)
    invitation.sent_at, invitation.expires_at, invitation.invited_by = now, now + VALID_FOR, actor
    invitation.save()
    transaction.on_commit(lambda: _mail(invitation, secret, actor))


def _mail(invitation: Invitation, secret: str, actor: User) -> None:
    """Send the link; where that fails the invitation stands, can be sent again, and says so in `mail_failed`."""
    try:
        send_invitation(invitation, secret)
    except OSError:  # that of SMTP is one
        invitation.mail_failed = True
        _record(EventType.USER_INVITE_SENT, invitation, actor, outcome=AuditRow.Outcome.FAILED, reason="mail not sent")


def _record(
    event_type: EventType,
    invitation: Invitation,
    actor: User,
    outcome: AuditRow.Outcome = AuditRow.Outcome.DONE,
    **details: object,
) -> None:
    record(
        event_type,
        actor=actor,
        workspace_id=invitation.workspace_id,
        subject=invitation,
        label=invitation.email,
        details=details,
        outcome=outcome,
    )
