"""Who may open the Privacy Portal, asked of the rights the request has been given already."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied

from workspaces.access import Right
from workspaces.requests import MemberRequest


def require_classifying(request: MemberRequest) -> None:
    """Raise PermissionDenied for members without the right. What changes something asks once more, in its verb."""
    if not request.access.may(Right.CLASSIFY_FIELDS):
        raise PermissionDenied(Right.CLASSIFY_FIELDS.phrase)
