"""What must be true of an event for it to be kept: the documented reasons for discarding one at ingest.

Only the checked fields are built as objects; the rest is checked for syntax and left as bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from workspaces.tracking.kinds import EVENT_TYPES, MOST_DEPTH, UNKNOWN

OBJECT_OR_NULL = b"{n"
STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_ABSENT = msgspec.Raw(b"null")


class Head(msgspec.Struct, gc=False):
    """The fields of an event that are checked. Null counts as absent: SDKs send `anonymousId: null`."""

    type: Any = None
    writeKey: Any = None  # noqa: N815  (the field's name in the event)
    userId: Any = None  # noqa: N815
    anonymousId: Any = None  # noqa: N815
    groupId: Any = None  # noqa: N815
    previousId: Any = None  # noqa: N815
    event: Any = None
    name: Any = None
    category: Any = None
    properties: msgspec.Raw = _ABSENT
    traits: msgspec.Raw = _ABSENT


decode_head = msgspec.json.Decoder(Head).decode


def event_type(head: Head) -> str:
    """The event's type by its own word, `unknown` for none of the six."""
    return head.type if isinstance(head.type, str) and head.type in EVENT_TYPES else UNKNOWN


def discard_code(kind: str, head: Head) -> str | None:
    """The documented code of the first rule that the event breaks, or None."""
    user, anonymous = head.userId, head.anonymousId
    if not (_is_text_or_null(user) and _is_text_or_null(anonymous)):
        return "id_not_string"
    if not user and not anonymous:
        return "no_user_anon_id"
    return RULES[kind](head)


def _track(head: Head) -> str | None:
    if head.event is None or head.event == "":
        return "event_not_defined"
    if not isinstance(head.event, str):
        return "event_not_string"
    return _properties(head)


def _view(head: Head) -> str | None:
    if head.name == "" or not _is_text_or_null(head.name):
        return "name_not_string"
    if not _is_text_or_null(head.category):
        return "category_not_string"
    return _properties(head)


def _identify(head: Head) -> str | None:
    return None if memoryview(head.traits)[0] in OBJECT_OR_NULL else "traits_not_object"


def _group(head: Head) -> str | None:
    return _required(head.groupId) or _identify(head)


def _alias(head: Head) -> str | None:
    return _required(head.previousId)


def _properties(head: Head) -> str | None:
    return None if memoryview(head.properties)[0] in OBJECT_OR_NULL else "properties_not_object"


def _required(identifier: Any) -> str | None:
    if not identifier and _is_text_or_null(identifier):
        return "id_required"
    return None if isinstance(identifier, str) else "id_not_string"


def _is_text_or_null(value: Any) -> bool:
    return value is None or isinstance(value, str)


RULES: dict[str, Callable[[Head], str | None]] = {
    "track": _track,
    "page": _view,
    "screen": _view,
    "identify": _identify,
    "group": _group,
    "alias": _alias,
}


def is_too_deep(text: bytes) -> bool:
    """Whether objects and lists nest deeper than can be written out again. Counting brackets settles most texts."""
    if text.count(b"{") + text.count(b"[") <= MOST_DEPTH:
        return False
    depth = 0
    for byte in STRING.sub(b"", text):
        depth += (byte in b"{[") - (byte in b"}]")
        if depth > MOST_DEPTH:
            return True
    return False
