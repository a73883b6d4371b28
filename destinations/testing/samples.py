"""*Generate sample event*: a made-up event of each documented type. Pure."""

from __future__ import annotations

from typing import Any

TYPES = ("track", "identify", "page", "screen", "group")  # documented for the Event Tester

_TRAITS = {"email": "sample@example.com", "firstName": "Sample", "lastName": "Person", "plan": "Sample String"}
_OF_TYPE: dict[str, dict[str, Any]] = {
    "track": {"event": "Sample Event", "properties": {**_TRAITS, "total": 12.5}},
    "identify": {"traits": _TRAITS},
    "page": {"name": "Sample Page", "properties": {"url": "https://example.com/sample", "title": "Sample Page"}},
    "screen": {"name": "Sample Screen", "properties": {"variation": "Sample String"}},
    "group": {"groupId": "sample-group", "traits": {"name": "Sample Clinic", "employees": 12}},
}


def sample_event(event_type: str) -> dict[str, Any]:
    """An event of the type as a server library would send it, about nobody."""
    library = {"name": "analytics-node", "version": "2.2.1"}
    return {"type": event_type, "userId": "sample-user", **_OF_TYPE[event_type], "context": {"library": library}}
