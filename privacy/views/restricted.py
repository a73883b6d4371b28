"""The restricted fields of one event, for pages that show events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from privacy.explained import Coloured, restricted_in
from workspaces.access import Right
from workspaces.requests import MemberRequest


def restricted_fields(request: MemberRequest, event: Mapping[str, Any] | None) -> list[Coloured]:
    """Red and yellow fields of the event, each to be explained; none for members who may not classify."""
    if event is None or not request.access.may(Right.CLASSIFY_FIELDS):
        return []
    return restricted_in(request.workspace.pk, event)
