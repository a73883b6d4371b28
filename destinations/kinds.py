"""What the catalog says of a destination kind, asked with a slug that came from outside."""

from django.core.exceptions import PermissionDenied
from django.http import Http404

from destinations.catalog.base import CatalogEntry
from destinations.catalog.registry import connector
from destinations.models import Destination
from workspaces.models import Workspace


def entry_of(kind: str) -> CatalogEntry:
    """The catalog entry of a kind; raises Http404 for one that is not listed."""
    try:
        return connector(kind).entry
    except KeyError:
        raise Http404("no such destination kind") from None


def offers_encryption(workspace: Workspace, kind: str) -> bool:
    """Whether Data Encryption exists here: HIPAA-eligible workspaces, event-stream cloud-mode destinations."""
    return workspace.is_hipaa_eligible and entry_of(kind).supports_encryption


def why_no_encryption(workspace: Workspace, kind: str) -> str:
    """Why Data Encryption cannot be set up here, for a workspace whose BAA was signed; empty where it can be."""
    entry = entry_of(kind)
    if not entry.supports_encryption or not workspace.is_bound_by_hipaa or workspace.is_hipaa_eligible:
        return ""
    return f"{workspace.standing.value} Data encryption can be set up once the workspace is HIPAA eligible again."


def shows_encryption(destination: Destination) -> bool:
    """Whether a destination has the tab: also once eligibility has ended, which switches none off.

    Kinds that cannot encrypt have it too, to say so.
    """
    workspace = destination.workspace
    return destination.encrypts or workspace.is_hipaa_eligible or workspace.is_bound_by_hipaa


def require_encryption(workspace: Workspace, kind: str) -> None:
    """Raise PermissionDenied where Data Encryption does not exist."""
    if not offers_encryption(workspace, kind):
        raise PermissionDenied("data encryption needs a HIPAA-eligible workspace and a cloud-mode destination")
