"""Sample events on pages: the source's latest ones as the viewer may see them, or what was pasted."""

from __future__ import annotations

from typing import Any

from destinations.models import Destination, Draft
from destinations.pasted import printable
from destinations.recent_events import recent_events
from privacy.masking import all_seen_by
from workspaces.event_log.base import EventLogUnavailable
from workspaces.requests import MemberRequest

Event = dict[str, Any]

MOST_SAMPLES = 20
MOST_FIELDS = 500


def samples(request: MemberRequest, about: Destination | Draft, *, limit: int = MOST_SAMPLES) -> list[Event]:
    """The source's latest events, masked for people without PII Access; the latest first."""
    if about.source_id is None:
        return []
    try:
        events = recent_events(about.source_id, limit=limit)
    except EventLogUnavailable:
        return []
    return all_seen_by(request.access, request.workspace.pk, events)


def known_fields(events: list[Event]) -> dict[str, list[str]]:
    """The paths in the events for the field picker, by its documented groups. Lists are passed through."""
    groups = {"EVENT PROPERTIES": "properties", "USER TRAITS": "traits", "CONTEXT FIELDS": "context"}
    return {group: sorted({path for event in events for path in _paths(event.get(name), name)})[:MOST_FIELDS]
            for group, name in groups.items()}  # fmt: skip


def _paths(value: Any, path: str) -> list[str]:
    if isinstance(value, list):
        return [found for item in value for found in _paths(item, path)]
    if not isinstance(value, dict):
        return []
    found = []
    for key, held in value.items():
        if key and key == printable(key) and not any(char.isspace() or char == "." for char in key):
            found += [f"{path}.{key}", *_paths(held, f"{path}.{key}")]
    return found
