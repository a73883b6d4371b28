"""Objects for tests, with names a reader can hold in mind."""

from __future__ import annotations

from datetime import date

import factory
from allauth.account.models import EmailAddress
from factory.django import DjangoModelFactory

from workspaces.models import Membership, Source, User, Workspace

PASSWORD = "correct horse battery staple"


class WorkspaceFactory(DjangoModelFactory[Workspace]):
    class Meta:
        model = Workspace

    name = "Acme Health"
    slug = "acme-health"
    plan = Workspace.Plan.BUSINESS
    baa_signed_on = date(2024, 1, 15)


class SourceFactory(DjangoModelFactory[Source]):
    class Meta:
        model = Source

    workspace = factory.SubFactory(WorkspaceFactory)
    name = factory.Sequence(lambda n: f"Clinic API {n}")
    slug = factory.Sequence(lambda n: f"clinic-api-{n}")
    kind = "http-api"


def member(workspace: Workspace, name: str, role: str) -> User:
    """A person with a verified address, the shared test password and one role in the workspace."""
    user = User.objects.create_user(f"{name}@example.com", PASSWORD, name=name.title())
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    Membership.objects.create(workspace=workspace, user=user, role=role)
    return user
