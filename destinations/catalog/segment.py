"""Segment Connections: events go on, unchanged but for what is encrypted, to any server that speaks the Tracking API.

`POST /v1/batch` with the source's write key as Basic user name; at most 500 KB and 2,500 events in a request and 32 KB
an event (documented, HTTP API). Messages keep their `messageId`, by which the receiver knows what it has already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from destinations.catalog.base import Batched, Batching, CatalogEntry, Item, Request, SettingsForm
from destinations.catalog.fields import AddressField, CredentialField, basic
from destinations.catalog.reading import JSON_HEADERS, event_of, json_of

# Left out: the receiver would correct `timestamp` by them a second time.
CLOCKS = ("sentAt", "receivedAt", "originalTimestamp")

GUIDE = """\
Events go to /v1/batch, up to 1,000 together, with the write key as user name. Each keeps its messageId, so one that
arrives twice is recognised.

When a request is refused as malformed or too large, it is halved until the event at fault is alone.
"""


class SegmentForm(SettingsForm):
    """Which server, which source."""

    endpoint = AddressField(
        label="Tracking API URL",
        initial="https://api.segment.io",
        placeholder="https://api.segment.io",
        help_text="The host that events are sent to; /v1/batch is added. In the EU https://events.eu1.segmentapis.com, "
        "or any server that speaks the same API.",
    )
    write_key = CredentialField(label="Write Key", help_text="The write key of the source that is to receive them.")


class Segment(Batched):
    """The connector."""

    entry: CatalogEntry = CatalogEntry(
        slug="segment",
        name="Segment Connections",
        category="Raw Data",
        description="Send events on to another workspace or to any server that speaks the Tracking API.",
        icon="route",
        featured=True,
        guide=GUIDE,
    )
    settings_form: type[SettingsForm] = SegmentForm
    batching: Batching | None = Batching(max_events=1000, max_bytes=400_000)

    def build_batch(self, items: Sequence[Item], settings: Mapping[str, Any]) -> Request:
        """One POST to /v1/batch."""
        batch = [_forwarded(item.body) for item in items]
        headers = (*JSON_HEADERS, basic(settings["write_key"]))
        return Request(f"{settings['endpoint']}/v1/batch", headers, json_of({"batch": batch}))


def _forwarded(body: bytes) -> dict[str, Any]:
    event = event_of(body)
    for name in CLOCKS:
        event.pop(name, None)
    return event
