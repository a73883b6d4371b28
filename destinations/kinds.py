"""What the catalog says of a destination kind, asked with a slug that came from outside."""

from django.core.exceptions import PermissionDenied
from django.http import Http404

from destinations.catalog.base import CatalogEntry
from destinations.catalog.registry import connector
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


def require_encryption(workspace: Workspace, kind: str) -> None:
    """Raise PermissionDenied where Data Encryption does not exist."""
    if not offers_encryption(workspace, kind):
        raise PermissionDenied("data encryption needs a HIPAA-eligible workspace and a cloud-mode destination")
