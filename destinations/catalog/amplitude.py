"""Amplitude by its HTTP V2 API: `POST /2/httpapi` with the API key and up to 2,000 events, 1 MB, in the body.

Source: amplitude.com/docs/apis/analytics/http-v2. A request with a single invalid event is refused as a whole with
400, and the answer lists the indices at fault; 429 refuses it as a whole too. `insert_id` keeps repeats out for a week.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from destinations.catalog.base import (
    Batched,
    Batching,
    CatalogEntry,
    Item,
    Outcome,
    Request,
    Response,
    SettingsForm,
    Verdict,
    outcome_of,
)
from destinations.catalog.fields import CredentialField, ProxyField, RegionField, Regions
from destinations.catalog.reading import JSON_HEADERS, answer_of, event_of, json_of, milliseconds, name_of, part, text

REGIONS = Regions(
    "Amplitude",
    {
        "us": ("United States", "https://api2.amplitude.com"),
        "eu": ("European Union", "https://api.eu.amplitude.com"),
    },
)
AT_FAULT = ("events_with_invalid_fields", "events_with_missing_fields", "events_with_invalid_id_lengths")
REFUSED = Outcome(Verdict.DISCARD, "errors.discarded.MESSAGE_REJECTED")
ITS_BATCH_REFUSED = Outcome(Verdict.RETRY, "errors.awaiting-retry.400")
BAD_REQUEST = 400
# Amplitude's name for what stands at this path of `context`.
FROM_CONTEXT = {
    "app_version": ("app", "version"),
    "platform": ("os", "name"),
    "os_name": ("os", "name"),
    "os_version": ("os", "version"),
    "device_brand": ("device", "brand"),
    "device_manufacturer": ("device", "manufacturer"),
    "device_model": ("device", "model"),
    "carrier": ("network", "carrier"),
    "country": ("location", "country"),
    "region": ("location", "region"),
    "city": ("location", "city"),
    "language": ("locale",),
    "ip": ("ip",),
    "user_agent": ("userAgent",),
}

GUIDE = """\
Track events keep their name; pages and screens become “Viewed Home Page”; identify sets user properties from the
traits. The messageId is sent as insert_id, so Amplitude takes no event twice within 7 days.

userId becomes user_id; the device is context.device.id, else the anonymousId.

Up to 1,000 events share a request. If Amplitude names some as invalid, those are discarded as MESSAGE_REJECTED and
the others are tried again.
"""


class AmplitudeForm(SettingsForm):
    """Which project, in which region."""

    api_key = CredentialField(label="API Key", help_text="Under Settings > Projects in Amplitude.")
    region = RegionField(REGIONS)
    proxy_url = ProxyField(REGIONS)


class Amplitude(Batched):
    """The connector."""

    entry: CatalogEntry = CatalogEntry(
        slug="amplitude",
        name="Amplitude",
        category="Analytics",
        description="Product analytics: events and user properties by the HTTP V2 API.",
        icon="chart-line",
        event_types=frozenset({"track", "page", "screen", "identify"}),
        guide=GUIDE,
    )
    settings_form: type[SettingsForm] = AmplitudeForm
    batching: Batching | None = Batching(max_events=1000, max_bytes=600_000)

    def build_batch(self, items: Sequence[Item], settings: Mapping[str, Any]) -> Request:
        """One POST to /2/httpapi."""
        host = REGIONS.host(settings)
        events = [_converted(event_of(item.body)) for item in items]
        # Ids of fewer than 5 characters are refused otherwise.
        body = {"api_key": settings["api_key"], "events": events, "options": {"min_id_length": 1}}
        return Request(f"{host}/2/httpapi", JSON_HEADERS, json_of(body), keep=200_000)

    def read_batch(self, response: Response, items: Sequence[Item]) -> list[Outcome]:
        """A 400 that names events discards those; the others go again without them."""
        outcomes = [outcome_of(response)] * len(items)
        at_fault = _at_fault(response) if response.status == BAD_REQUEST else set()
        if not at_fault & set(range(len(items))):
            return outcomes
        return [REFUSED if place in at_fault else ITS_BATCH_REFUSED for place in range(len(items))]


def _at_fault(response: Response) -> set[int]:
    answer = answer_of(response.body)
    listed = [places for name in AT_FAULT for places in part(answer, name).values()]
    return {place for places in listed if isinstance(places, list) for place in places if isinstance(place, int)}


def _converted(event: Mapping[str, Any]) -> dict[str, Any]:
    context = part(event, "context")
    identifies = event.get("type") == "identify"
    made: dict[str, Any] = {
        "event_type": "$identify" if identifies else name_of(event),
        "insert_id": event.get("messageId"),
        "time": milliseconds(event),
        "user_id": text(event.get("userId")),
        "device_id": text(part(context, "device").get("id")) or text(event.get("anonymousId")),
        "user_properties": part(event, "traits") if identifies else part(context, "traits"),
        "event_properties": {} if identifies else part(event, "properties"),
        "library": "customer-data-pipeline",
    }
    made |= {name: _at(context, path) for name, path in FROM_CONTEXT.items()}
    return {name: value for name, value in made.items() if value not in ("", None, {})}


def _at(context: Mapping[str, Any], path: tuple[str, ...]) -> str:
    return text(part(context, *path[:-1]).get(path[-1]))
