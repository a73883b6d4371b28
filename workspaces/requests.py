"""The request as views inside a workspace see it: signed in, a member, with the workspace already found."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from workspaces.access import Access, Right
from workspaces.models import User, Workspace


class MemberRequest(HttpRequest):
    """Set up by WorkspaceMiddleware; never instantiated here."""

    user: User
    workspace: Workspace
    access: Access
    rights: frozenset[Right]  # those of `access`, wherever they hold
    htmx: HtmxDetails
    audit_subject: object
    audit_details: dict[str, object]
