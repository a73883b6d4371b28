"""The steps of an event on its way to one destination: each gives the event or the reason why it stops here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable

    from destinations.pipeline.plan import DestinationPlan
    from destinations.pipeline.withholding import Withholding

Event = dict[str, Any]

# Documented discard codes of the step "Filtered at destination".
FILTERED_BY_INTEGRATIONS_OBJECT = "FILTERED_BY_INTEGRATIONS_OBJECT"
UNSUPPORTED_EVENT_TYPE = "UNSUPPORTED_EVENT_TYPE"
FILTERED_BY_RULES = "FILTERED_BY_RULES"
FAILED_DATA_ENCRYPTION = "FAILED_DATA_ENCRYPTION"
INTERNAL = "INTERNAL"


class Stopped(Exception):
    """The event does not go to this destination; `code` is the documented reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Leaving(NamedTuple):
    """What may leave for a destination, as JSON, and whether any value in it was encrypted."""

    body: bytes
    is_encrypted: bool


def prepared(event: Event, plan: DestinationPlan, note_withheld: Callable[[int], None] | None = None) -> bytes:
    """What may leave for the destination, as JSON; raises Stopped with the reason where nothing may.

    `note_withheld` is told how many values were left out, if any were.
    """
    return leaving(event, plan, note_withheld).body


def leaving(event: Event, plan: DestinationPlan, note_withheld: Callable[[int], None] | None = None) -> Leaving:
    """What `prepared` gives, and whether it holds anything encrypted."""
    if not integrations_allow(event, plan.integration):
        raise Stopped(FILTERED_BY_INTEGRATIONS_OBJECT)
    if event["type"] not in plan.event_types:
        raise Stopped(UNSUPPORTED_EVENT_TYPE)
    for keep in plan.filters:
        event = filtered(event, keep)
    if plan.withholding is not None:
        event, withheld = held_back(event, plan.withholding)
        if withheld and note_withheld is not None:
            note_withheld(withheld)
    kept = encrypted(event, plan)
    return Leaving(serialised(kept), kept is not event)


def integrations_allow(event: Event, name: str) -> bool:
    """What the event's `integrations` object says of a destination by its display name, case-sensitive.

    `All` counts where the name is not there, and is true by default; an object of options counts as true. The browser
    library's own key `Segment.io` names no destination and says nothing.
    """
    integrations = event.get("integrations")
    if not isinstance(integrations, dict):
        return True
    return integrations.get(name, integrations.get("All", True)) is not False


def filtered(event: Event, keep: Any) -> Event:
    """The event as one filter leaves it; a filter that drops it or fails stops it."""
    try:
        kept: Event | None = keep(event)
    except Exception:  # noqa: BLE001  (one filter's mistake must stop neither the partition nor other destinations)
        raise Stopped(INTERNAL) from None
    if kept is None:
        raise Stopped(FILTERED_BY_RULES)
    return kept


def held_back(event: Event, withholding: Withholding) -> tuple[Event, int]:
    """The event without the values that may not leave, and how many those are; an error stops it."""
    try:
        return withholding.apply(event)
    except Exception:  # noqa: BLE001  (an error nobody foresaw must neither stop the pipeline nor leak)
        raise Stopped(INTERNAL) from None


def encrypted(event: Event, plan: DestinationPlan) -> Event:
    """The event with its chosen fields encrypted. Whatever goes wrong here stops it: plaintext never leaves."""
    if not plan.encrypts:
        return event
    if plan.encryption is None:
        raise Stopped(FAILED_DATA_ENCRYPTION)
    try:
        return plan.encryption.apply(event)
    except Exception:  # noqa: BLE001  (an error nobody foresaw must hold the event too, not stop the pipeline or leak)
        raise Stopped(FAILED_DATA_ENCRYPTION) from None


def serialised(event: Event) -> bytes:
    """The event as JSON, what orjson refuses (lone surrogates, 255 levels and more) escaped as the client sent it.

    What no JSON can carry is discarded as INTERNAL.
    """
    try:
        return orjson.dumps(event)
    except orjson.JSONEncodeError:
        return _escaped(event)


def _escaped(event: Event) -> bytes:
    try:
        return json.dumps(event, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        raise Stopped(INTERNAL) from None
