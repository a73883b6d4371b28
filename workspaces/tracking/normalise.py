"""From an event as a client sent it to the common fields every consumer may rely on (documented: Spec, Common).

Pure: the result depends on the arguments alone, so that reading a log entry again gives the same event.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime
from typing import Any

import msgspec
import orjson

from workspaces.tracking import clock

Event = dict[str, Any]

API_VERSION = 2  # what Segment's own payloads say
LONGEST_MESSAGE_ID = 100
CLIENT_CHANNELS = ("browser", "web", "mobile")  # "web" is RudderStack's
BROWSER_LIBRARY = "analytics.js"


class Arrival(msgspec.Struct, frozen=True):
    """What is known of the request beside its events."""

    entry_id: str  # hex
    received: datetime
    ip: str
    browser: bool
    root: Event = msgspec.field(default_factory=dict)  # a batch's own context, integrations and sentAt


def normalise(event: Event, *, place: int, kind: str, arrival: Arrival) -> Event:
    """The event with all common fields in their documented form. Changes and returns `event`; raises for none."""
    event.pop("writeKey", None)
    event["type"] = kind
    event["messageId"] = message_id(event.get("messageId"), arrival.entry_id, place)
    event["context"] = merged(arrival.root.get("context"), event.get("context"))
    event["integrations"] = merged(arrival.root.get("integrations"), event.get("integrations"))
    set_dates(event, arrival)
    set_origin(event, arrival)
    if isinstance(event.get("version"), bool) or not isinstance(event.get("version"), int | float):
        event["version"] = API_VERSION
    return event


def message_id(given: object, entry_id: str, place: int) -> str:
    """The client's id if it is a string of 1 to 100 characters, else one made of the event's place in the log."""
    if isinstance(given, str) and 0 < len(given) <= LONGEST_MESSAGE_ID:
        return given
    return f"api-{entry_id}-{place}"


def merged(root: object, own: object) -> Event:
    """A batch's object with the event's own keys over it. What is no object counts as empty.

    The root's values are copied: whoever changes one event must not change its neighbours.
    """
    mine = own if isinstance(own, dict) else {}
    if not root or not isinstance(root, dict):
        return mine
    copy: Event = orjson.loads(orjson.dumps(root))
    copy.update(mine)
    return copy


def set_dates(event: Event, arrival: Arrival) -> None:
    """receivedAt, sentAt, originalTimestamp and the corrected timestamp. What is no date counts as missing."""
    sent = clock.read(event.pop("sentAt", None)) or clock.read(arrival.root.get("sentAt"))
    derived = event.pop("originalTimestamp", None)
    given = event.get("timestamp")
    original = clock.read(derived if given is None else given)
    event["receivedAt"] = received = clock.write(arrival.received)
    if original is None:
        event["timestamp"] = received
    else:
        event["originalTimestamp"] = written = clock.write(original)
        at = clock.corrected(original, sent, arrival.received)
        event["timestamp"] = written if at is original else clock.write(at)
    if sent is not None:
        event["sentAt"] = clock.write(sent)


def set_origin(event: Event, arrival: Arrival) -> None:
    """`channel`, and `context.ip` of client-side events (documented: not for events of servers)."""
    context = event["context"]
    client_side = is_client_side(event, arrival)
    if not isinstance(event.get("channel"), str):
        said = context.get("channel")
        event["channel"] = said if isinstance(said, str) else "browser" if client_side else "server"
    # Documented: IPv6 is not collected automatically; `direct` asks for the address whatever it is.
    wanted = context.get("direct") is True or (client_side and is_ipv4(arrival.ip))
    if wanted and arrival.ip and context.get("ip") is None:
        context["ip"] = arrival.ip


def is_client_side(event: Event, arrival: Arrival) -> bool:
    """Whether the event came from a browser or an app: by its path, its channel or its library's name."""
    if arrival.browser or event.get("channel") in CLIENT_CHANNELS:
        return True
    context = event["context"]
    library = context.get("library")
    name = library.get("name") if isinstance(library, dict) else None
    return context.get("channel") in CLIENT_CHANNELS or name == BROWSER_LIBRARY


def is_ipv4(address: str) -> bool:
    """Whether `address` is IPv4 in dotted form."""
    try:
        return ipaddress.ip_address(address).version == 4  # noqa: PLR2004  (the protocol's number)
    except ValueError:
        return False
