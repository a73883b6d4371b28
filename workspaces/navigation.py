"""The sidebar: what a person may open in a workspace, and where they are."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse

from workspaces.access import Right
from workspaces.models import Workspace


@dataclass(frozen=True, slots=True)
class Item:
    """A link of the sidebar, or a group of links with no page of its own (`url` empty)."""

    label: str
    icon: str = ""  # lucide icon name
    url: str = ""
    current: bool = False
    children: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """A page that may stand in the sidebar: the route's name, who may see it, other routes that belong to it."""

    label: str
    route: str
    right: Right
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Group:
    label: str
    icon: str
    places: tuple[_Place, ...]


_HIPAA_PAGES = ("settings_eligible_products", "settings_architecting")
_SUPPRESSED = ("privacy_suppressed",)
_ACCESS_PAGES = ("members", "support_access")

_GROUPS = (
    _Group(
        "Connections",
        "waypoints",
        (
            _Place("Sources", "sources", Right.VIEW_SOURCES),
            _Place("Destinations", "destinations", Right.VIEW_DESTINATIONS),
            _Place("Catalog", "source_catalog", Right.VIEW_SOURCES, also=("destination_catalog", "storage_catalog")),
        ),
    ),
    _Group(
        "Privacy",
        "shield-half",
        (
            _Place("Privacy Portal", "privacy_home", Right.CLASSIFY_FIELDS),
            _Place("End User Privacy", "privacy_deletions", Right.MANAGE_END_USERS, also=_SUPPRESSED),
        ),
    ),
    _Group(
        "Settings",
        "settings",
        (
            _Place("Workspace settings", "settings_basic", Right.VIEW_SETTINGS, also=(*_HIPAA_PAGES, *_ACCESS_PAGES)),
            _Place("Label Management", "labels", Right.VIEW_SETTINGS),
            _Place("Who can do what", "who_can_do_what", Right.OPEN_WORKSPACE),
            _Place("HIPAA audit log", "audit_log", Right.VIEW_AUDIT_LOG),
            _Place("Audit Trail", "audit_trail", Right.VIEW_AUDIT_LOG),
        ),
    ),
)


def sidebar(workspace: Workspace, rights: AbstractSet[Right], path: str) -> list[Item]:
    """Home and every group with at least one page the person may open; the page at `path` is marked."""
    home = reverse("home", args=[workspace.slug])
    groups = [_item(group, workspace, rights, path) for group in _GROUPS]
    return [Item("Home", "house", home, current=path == home), *(group for group in groups if group.children)]


def _item(group: _Group, workspace: Workspace, rights: AbstractSet[Right], path: str) -> Item:
    places = [(place, _urls(place, workspace)) for place in group.places if place.right in rights]
    lengths = [_match(urls, path) for _, urls in places]
    best = max(lengths, default=0)
    children = tuple(
        Item(place.label, url=urls[0], current=0 < best == length)
        for (place, urls), length in zip(places, lengths, strict=True)
        if urls
    )
    return Item(group.label, group.icon, children=children, current=best > 0)


def _urls(place: _Place, workspace: Workspace) -> list[str]:
    """The addresses of a place; none where its app is not part of the installation."""
    urls = []
    for route in (place.route, *place.also):
        try:
            urls.append(reverse(route, args=[workspace.slug]))
        except NoReverseMatch:
            continue
    return urls


def _match(urls: list[str], path: str) -> int:
    """How many characters of `path` the closest address covers; the longest wins among the places of a group."""
    return max((len(url) for url in urls if path == url or path.startswith(f"{url}/")), default=0)
