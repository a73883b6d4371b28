"""What the outcomes of events are called, and to which step of the pipeline each belongs. Pure.

Codes and titles as documented (Event Delivery, Delivery Overview); those marked as ours have none there.
"""

from __future__ import annotations

import re
from http import HTTPStatus

DELIVERED, RETRIED = "delivered", "retried"
UNSUPPORTED = "UNSUPPORTED_EVENT_TYPE"
RETRIES = (
    "Failed tries are repeated for four hours with randomised exponential backoff, nine tries in all. What is refused "
    "for good, such as a 400, 401 or 403, is tried once."
)

TITLES = {
    "408": "Request timeout",
    "5xx": "Server error",
    "INVALID_SETTINGS": "Invalid settings",
    "MESSAGE_REJECTED": "Message rejected",
    "ENOTFOUND": "Host not found",
    "EAI_AGAIN": "Host lookup timed out",
    "ECONNREFUSED": "Connection refused",
    "ECONNRESET": "Connection reset",
    "ECONNABORTED": "Connection broke off",
    "EHOSTUNREACH": "Host unreachable",
    "ETIMEDOUT": "Timed out",
    "TLS_FAILED": "TLS failed",
    "FAILED_DATA_ENCRYPTION": "Failed data encryption",
    "FILTERED_BY_RULES": "Filtered by rules",
    "FILTERED_BY_INTEGRATIONS_OBJECT": "Filtered by integrations object",
    "UNSUPPORTED_EVENT_TYPE": "Unsupported event type",
    "INTERNAL": "Internal error",
    "DELETED_BY_REGULATION": "End user deleted",  # ours
    "EVENT_EXPIRED": "Event no longer kept",  # ours
    "SUPPRESSED_USER": "Suppressed user",  # ours
    "REPLAY_CANCELLED": "Replay cancelled",  # ours
    "DESTINATION_DISABLED": "Destination stayed disabled",  # ours
}
ACTIONS = {
    "400": "Compare the sample with what the destination's documentation asks for.",
    "401": "Enter valid credentials on the Settings tab, then send these events again.",
    "403": "Ask the destination's administrator for permission, then send these events again.",
    "404": "Correct the address on the Settings tab, then send these events again.",
    "429": "Raise the limit at the destination, or send it fewer events with a filter.",
    "5xx": "Ask the destination's operators. Events are tried again meanwhile.",
    "INVALID_SETTINGS": "Correct the settings on the Settings tab, then send these events again.",
    "MESSAGE_REJECTED": "Add the missing fields where the event is sent.",
    "ENOTFOUND": "Check the host name on the Settings tab and its DNS records.",
    "ECONNREFUSED": "Check that the destination is running and reachable from here.",
    "TLS_FAILED": "Have the destination's certificate renewed; self-signed ones are not accepted.",
    "FAILED_DATA_ENCRYPTION": "Check the public key and the fields on the Data Encryption tab, and that the values of "
    "these fields can be encrypted. Then send the held events again.",
    "FILTERED_BY_RULES": "Change the destination's filters if these events should be sent.",
    "FILTERED_BY_INTEGRATIONS_OBJECT": "The event's integrations object excludes this destination. Change it where the "
    "event is sent.",
    "UNSUPPORTED_EVENT_TYPE": "The destination does not take events of this type. Nothing needs to be done.",
    "DELETED_BY_REGULATION": "A regulation deleted this end user: nothing of theirs can be sent any more.",
    "EVENT_EXPIRED": "The event is past the workspace's retention period and cannot be sent any more.",
    "SUPPRESSED_USER": "The end user is suppressed: nothing of theirs is sent any more.",
    "DESTINATION_DISABLED": "Enable the destination and its source, then send these events again.",
    "INTERNAL": "Look whether a filter of this destination cannot be evaluated for these events.",
}
OTHER_ACTION = "Compare the answer with the destination's documentation, then send these events again."
_PREFIX = re.compile(r"^errors\.(?:discarded|awaiting-retry)\.")


def short(code: str) -> str:
    """The code without what says whether it is tried again."""
    return _PREFIX.sub("", code)


def title(code: str) -> str:
    """What a page calls a code: `401 Unauthorized`, `Connection refused`."""
    name = short(code)
    if name in TITLES:
        return f"{name} {TITLES[name]}" if name[0].isdigit() else TITLES[name]
    try:
        return f"{name} {HTTPStatus(int(name)).phrase}"
    except ValueError:
        return name


def action(code: str) -> str:
    """What somebody can do about it."""
    return ACTIONS.get(short(code), OTHER_ACTION)


def is_delivered(outcome: str) -> bool:
    """Whether the destination took the event, at whichever try."""
    return outcome in {DELIVERED, RETRIED}


def is_failure(outcome: str) -> bool:
    """Whether it belongs to *Failed delivery*: the event left, or could not leave, towards the destination."""
    return outcome.startswith("errors.")


def is_filtered(outcome: str) -> bool:
    """Whether it belongs to *Filtered at destination*: the event was not to leave."""
    return not is_delivered(outcome) and not is_failure(outcome)
