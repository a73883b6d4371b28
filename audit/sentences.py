"""What a row tells in one sentence of English, for people who do not know the event types by heart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.event_ids import PREFIX as EVENT_PREFIX
from audit.event_types import EventType

if TYPE_CHECKING:
    from audit.models import AuditRow

WITHOUT_A_NAME = {"system": "The product itself", "stranger": "Somebody who was not signed in"}
# What the product never does of its own accord: where nobody is named, somebody ran a command.
BY_HAND = {
    EventType.SIGN_IN_LINK_CREATED,
    EventType.HIPAA_AUDIT_LOG_EXPORTED,
    EventType.HIPAA_AUDIT_LOG_VERIFIED,
    EventType.HIPAA_AUDIT_ROW_PROVED,
}
IN_ADMIN = {EventType.ADMIN_OBJECT_VIEWED, EventType.ADMIN_OBJECT_MODIFIED}


def told(row: AuditRow) -> str:
    """Who did what to what, for whom: a whole sentence."""
    return f"{_who(row)} {row.sentence}{_about(row)}{_ending(row)}."


def _who(row: AuditRow) -> str:
    if not row.actor_label and row.actor_kind == "system" and row.event_type in BY_HAND:
        return "Somebody at the command line"
    who = row.actor_label or WITHOUT_A_NAME.get(row.actor_kind, "Somebody")
    if row.on_behalf_of_label:
        return f"{who}, let in by {row.on_behalf_of_label},"
    return f"{who} of support" if row.actor_kind == "support" else who


def _about(row: AuditRow) -> str:
    """The object by its name, where that says more than the actor and the workspace do."""
    if row.event_type in {EventType.ACCESS_DENIED, EventType.SUPPORT_PAGE_VIEWED}:
        return f" ({row.route})" if row.route else ""
    if row.event_type in IN_ADMIN:
        return f": {row.object_type} {row.object_label}".rstrip() if row.object_type else ""
    named = row.object_label and row.object_type != "Workspace" and row.object_label != row.actor_label
    return f": {row.object_label}" if named else ""


def _ending(row: AuditRow) -> str:
    # Sign-ins that fail and locks say so in their own words.
    if row.event_type == EventType.HIPAA_AUDIT_LOG_VERIFIED:
        return ", and it is not what was sealed" if row.outcome == "failed" else ", and it is what was sealed"
    if row.end_user_id.startswith(EVENT_PREFIX):
        return f" (event {row.end_user_id.removeprefix(EVENT_PREFIX)})"
    return f" (end user {row.end_user_id})" if row.end_user_id else ""
