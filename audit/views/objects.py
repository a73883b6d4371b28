"""Where the object of a row can be seen: its page, while it exists and the person may open it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.urls import reverse

from audit.models import AuditRow
from destinations.models import Destination, Filter
from privacy.models import CustomMatcher, InventoryField, ObservedField, Regulation
from workspaces.access import Access, Right
from workspaces.models import Invitation, Label, Membership, Source, Workspace


@dataclass(frozen=True, slots=True)
class _Page:
    """How objects of a type are found in a workspace, and the page that shows one to whoever has the right."""

    model: type[Model]
    route: str
    right: Right
    workspace: str = "workspace_id"  # the lookup that leads to it
    find_by: str = "pk"
    source_of: Callable[[Any], uuid.UUID | None] = lambda _: None
    arguments: Callable[[Any], list[object]] = lambda found: [found.pk]


_PAGES: dict[str, _Page] = {
    "Source": _Page(
        Source,
        "source_overview",
        Right.VIEW_SOURCES,
        source_of=lambda found: found.pk,
        arguments=lambda found: [found.slug],
    ),
    "Destination": _Page(
        Destination, "destination_overview", Right.VIEW_DESTINATIONS, source_of=lambda found: found.source_id
    ),
    "Filter": _Page(
        Filter,
        "destination_filter",
        Right.EDIT_DESTINATIONS,
        workspace="destination__workspace_id",
        source_of=lambda found: found.destination.source_id,
        arguments=lambda found: [found.destination_id, found.pk],
    ),
    "Workspace": _Page(Workspace, "settings_basic", Right.VIEW_SETTINGS, workspace="pk", arguments=lambda _: []),
    "Membership": _Page(Membership, "member", Right.MANAGE_MEMBERS),
    "User": _Page(Membership, "member", Right.MANAGE_MEMBERS, find_by="user_id"),
    "Invitation": _Page(Invitation, "invitation", Right.MANAGE_MEMBERS),
    "Label": _Page(Label, "labels", Right.VIEW_SETTINGS, arguments=lambda _: []),
    "CustomMatcher": _Page(CustomMatcher, "privacy_matcher", Right.CLASSIFY_FIELDS),
    "InventoryField": _Page(InventoryField, "privacy_inventory_field", Right.CLASSIFY_FIELDS),
    "ObservedField": _Page(ObservedField, "privacy_inbox_field", Right.CLASSIFY_FIELDS),
    "Regulation": _Page(Regulation, "privacy_deletion", Right.MANAGE_END_USERS),
}


def link_to(row: AuditRow, workspace: Workspace, access: Access) -> str:
    """The address of the page that shows the row's object; empty where it is gone or not this person's to see."""
    page, wanted = _PAGES.get(row.object_type), _id_of(row.object_id)
    if page is None or wanted is None or not access.may(page.right):
        return ""
    found = page.model._default_manager.filter(**{page.find_by: wanted, page.workspace: workspace.pk}).first()
    if found is None or not access.may(page.right, page.source_of(found)):
        return ""
    return reverse(page.route, args=[workspace.slug, *page.arguments(found)])


def _id_of(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
