"""Who belongs to a workspace, what they were given, who is invited, and whom an owner let in for a time."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from audit.ids import new_id
from workspaces.models.people import User
from workspaces.models.sources import Label, Source
from workspaces.models.workspace import Workspace
from workspaces.roles import MEMBER, Role, Scope


class Membership(models.Model):
    """One person's part in one workspace. What they may do there is in their grants."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["workspace", "user"], name="one_membership_each")]

    def __str__(self) -> str:
        return f"{self.user} in {self.workspace}"

    @property
    def role_names(self) -> str:
        """The member's roles as people read them. Wants its grants prefetched."""
        return ", ".join(grant.get_role_display() for grant in self.grants.all()) or MEMBER


class Grant(models.Model):
    """One role of one member, and how far it reaches."""

    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="grants")
    role = models.CharField(max_length=20, choices=Role.choices)
    scope = models.CharField(max_length=10, choices=Scope.choices, default=Scope.ALL)
    sources = models.ManyToManyField(Source, related_name="given_by", blank=True)
    labels = models.ManyToManyField(Label, related_name="given_by", blank=True)

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["membership", "role"], name="each_role_once")]

    def __str__(self) -> str:
        return str(self.get_role_display())

    @property
    def brief(self) -> str:
        """The role, and how far it reaches where that is not everywhere. Wants its sources and labels prefetched."""
        if self.scope == Scope.CHOSEN:
            number = len(self.sources.all())
            return f"{self} ({number} source{'' if number == 1 else 's'})"
        if self.scope == Scope.LABELS:
            return f"{self} ({' and '.join(map(str, self.labels.all()))})"
        return str(self)

    @property
    def told(self) -> str:
        """The role and its reach in words. Wants its sources and labels prefetched."""
        if self.scope == Scope.CHOSEN:
            return f"{self}: {', '.join(source.name for source in self.sources.all()) or 'no source'}"
        if self.scope == Scope.LABELS:
            return f"{self}: {', '.join(map(str, self.labels.all())) or 'no label'}"
        return str(self)


class Invitation(models.Model):
    """An e-mail address that was asked to join. The link in the mail works once; only its digest is kept."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    roles = models.JSONField(default=list, help_text="What the invited will be given, as workspaces.grants reads it.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    sent_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["email"]
        constraints: ClassVar = [models.UniqueConstraint("workspace", Lower("email"), name="one_invitation_each")]

    def __str__(self) -> str:
        return f"{self.email} to {self.workspace}"

    # Known only to the process that tried to send it.
    mail_failed = False

    def has_expired(self, now: datetime) -> bool:
        """Whether its link no longer works."""
        return now >= self.expires_at

    @property
    def role_names(self) -> str:
        """The roles promised, as people read them."""
        return ", ".join(str(Role(given["role"]).label) for given in self.roles) or MEMBER


class SignInLink(models.Model):
    """A link made on the command line that signs one person in, once: a demo's first look, an owner's last resort."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"sign-in link for {self.user}"


class SupportAccess(models.Model):
    """Leave for support staff to act as an owner would, until it ends or is taken back (documented: 7 days)."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="support_accesses")
    granted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    granted_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["-granted_at"]
        indexes: ClassVar = [models.Index(fields=["workspace", "expires_at"], name="support_access_in_force")]

    def __str__(self) -> str:
        return f"support access to {self.workspace} until {self.expires_at:%Y-%m-%d %H:%M}"
