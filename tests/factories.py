"""Objects for tests, with names a reader can hold in mind."""

from __future__ import annotations

from datetime import date, timedelta

import factory
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP
from django.utils import timezone
from factory.django import DjangoModelFactory

from workspaces import grants
from workspaces.grants import RoleGiven
from workspaces.models import Invitation, Membership, Source, SupportAccess, User, Workspace
from workspaces.roles import Role

PASSWORD = "correct horse battery staple"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


class WorkspaceFactory(DjangoModelFactory[Workspace]):
    class Meta:
        model = Workspace

    name = "Acme Health"
    slug = "acme-health"
    plan = Workspace.Plan.BUSINESS
    baa_signed_on = date(2024, 1, 15)
    baa_signed_by = "Olivia Owner, Chief Privacy Officer"
    baa_reference = "BAA-2024-001"


class SourceFactory(DjangoModelFactory[Source]):
    class Meta:
        model = Source

    workspace = factory.SubFactory(WorkspaceFactory)
    name = factory.Sequence(lambda n: f"Clinic API {n}")
    slug = factory.Sequence(lambda n: f"clinic-api-{n}")
    kind = "http-api"


def member(workspace: Workspace, name: str, role: str) -> User:
    """A person with a verified address, the shared test password, an authenticator app and one role, or "" for none."""
    user = User.objects.create_user(f"{name}@example.com", PASSWORD, name=name.title())
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    join(workspace, user, role)
    enrol(user)
    return user


def enrol(user: User) -> None:
    """Give the person an authenticator app with the shared secret."""
    TOTP.activate(user, TOTP_SECRET)


def support_staff(*let_into: Workspace) -> User:
    """Sam of support with an authenticator app, let into these workspaces by an owner of each."""
    user = User.objects.create_superuser("sam@support.example", PASSWORD, name="Sam")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    enrol(user)
    for workspace in let_into:
        owner = workspace.members.filter(memberships__grants__role=Role.OWNER).first() or user
        until = timezone.now() + timedelta(days=1)
        SupportAccess.objects.create(workspace=workspace, granted_by=owner, expires_at=until)
    return user


def invitation(workspace: Workspace, email: str = "nina@example.com", *roles: RoleGiven) -> Invitation:
    """An open invitation by an owner, for a day, whose link nobody knows."""
    owner = workspace.members.filter(memberships__grants__role=Role.OWNER).first()
    kept = [given.as_json() for given in roles]
    until = timezone.now() + timedelta(days=1)
    return Invitation.objects.create(
        workspace=workspace, email=email, roles=kept, digest=f"of {email}", invited_by=owner, expires_at=until
    )


def join(workspace: Workspace, user: User, *roles: str) -> Membership:
    """Make the person a member with these roles."""
    membership = Membership.objects.create(workspace=workspace, user=user)
    grants.write(membership, [RoleGiven(Role(role)) for role in roles if role])
    return membership
