"""Mixpanel: events by `POST /import?strict=1`, user profiles by `POST /engage#profile-set`.

Source: docs.mixpanel.com/reference/import-events and /reference/profile-set. At most 2,000 of either in a request.
With `strict=1` a 400 names the records that failed and the others are in: a partial success.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from destinations.catalog.base import (
    DELIVERED,
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
from destinations.catalog.fields import CredentialField, ProxyField, RegionField, Regions, basic
from destinations.catalog.reading import JSON_HEADERS, answer_of, event_of, json_of, milliseconds, name_of, part, text

REGIONS = Regions(
    "Mixpanel",
    {
        "us": ("United States", "https://api.mixpanel.com"),
        "eu": ("European Union", "https://api-eu.mixpanel.com"),
        "in": ("India", "https://api-in.mixpanel.com"),
    },
)
EVENTS, PROFILES = "events", "profiles"
REFUSED = Outcome(Verdict.DISCARD, "errors.discarded.MESSAGE_REJECTED")
OK, BAD_REQUEST = 200, 400
_INSERT_ID = re.compile(r"[A-Za-z0-9-]{1,36}")

GUIDE = """\
Track events keep their name; pages and screens become “Viewed Home Page”. distinct_id is the userId, else the
anonymousId as device; the messageId is sent as $insert_id, so retries are recognised.

Identify sets the profile of its userId, else of its device, from the traits.

Up to 1,000 share a request. Records that Mixpanel names as invalid are discarded as MESSAGE_REJECTED; the others of
the same request are in.
"""


class MixpanelForm(SettingsForm):
    """Which project, in which region."""

    project_token = CredentialField(label="Project Token", help_text="Under Project Settings > Access Keys.")
    region = RegionField(REGIONS, label="Data Residency")
    proxy_url = ProxyField(REGIONS)


class Mixpanel(Batched):
    """The connector."""

    entry: CatalogEntry = CatalogEntry(
        slug="mixpanel",
        name="Mixpanel",
        category="Analytics",
        description="Product analytics: events by the import API, user profiles from identify calls.",
        icon="chart-pie",
        event_types=frozenset({"track", "page", "screen", "identify"}),
        guide=GUIDE,
    )
    settings_form: type[SettingsForm] = MixpanelForm
    batching: Batching | None = Batching(max_events=1000, max_bytes=1_500_000)

    def group_of(self, event_type: str) -> str:
        """Profiles have an address of their own."""
        return PROFILES if event_type == "identify" else EVENTS

    def build_batch(self, items: Sequence[Item], settings: Mapping[str, Any]) -> Request:
        """One POST of events or of profiles; all items are of one group."""
        host = REGIONS.host(settings)
        token = settings["project_token"]
        events = [event_of(item.body) for item in items]
        if all(event.get("type") == "identify" for event in events):
            body = json_of([_profile(event, token) for event in events])
            return Request(f"{host}/engage?verbose=1", JSON_HEADERS, body, keep=2_000)
        body = json_of([_converted(event) for event in events])
        return Request(f"{host}/import?strict=1", (*JSON_HEADERS, basic(token)), body, keep=500_000)

    def read_batch(self, response: Response, items: Sequence[Item]) -> list[Outcome]:
        """A 400 that names records discards those alone; an /engage that answers `status: 0` took nothing."""
        answer = answer_of(response.body)
        if response.status == BAD_REQUEST and (failed := _failed(answer)):
            return [REFUSED if place in failed else DELIVERED for place in range(len(items))]
        if response.status == OK and answer.get("status") == 0:
            return [REFUSED] * len(items)
        return [outcome_of(response)] * len(items)


def _failed(answer: Mapping[str, Any]) -> set[int]:
    records = answer.get("failed_records")
    listed = records if isinstance(records, list) else []
    return {place for record in listed if isinstance(record, dict) and isinstance(place := record.get("index"), int)}


def _converted(event: Mapping[str, Any]) -> dict[str, Any]:
    context, user, device = part(event, "context"), text(event.get("userId")), text(event.get("anonymousId"))
    own = {
        "$insert_id": _insert_id(text(event.get("messageId"))),
        "$user_id": user,
        "$device_id": device,
        "$os": text(part(context, "os").get("name")),
        "$current_url": text(part(context, "page").get("url")),
        "$app_version_string": text(part(context, "app").get("version")),
        "ip": text(context.get("ip")),
    }
    properties = {name: value for name, value in own.items() if value}
    # Events of nobody are accepted with an empty id; what the event itself says under these names must not win.
    ids = {"distinct_id": user or (f"$device:{device}" if device else ""), "time": milliseconds(event)}
    return {"event": name_of(event), "properties": {**part(event, "properties"), **properties, **ids}}


def _profile(event: Mapping[str, Any], token: str) -> dict[str, Any]:
    person = text(event.get("userId")) or f"$device:{text(event.get('anonymousId'))}"
    made: dict[str, Any] = {"$token": token, "$distinct_id": person, "$set": part(event, "traits")}
    # Without it Mixpanel would take the pipeline's own address for the person's.
    made["$ip"] = text(part(event, "context").get("ip")) or "0"
    return made


def _insert_id(message_id: str) -> str:
    """At most 36 letters, digits and hyphens (documented); any other id is hashed."""
    return (
        message_id
        if _INSERT_ID.fullmatch(message_id)
        else hashlib.sha256(message_id.encode(errors="surrogatepass")).hexdigest()[:36]
    )
