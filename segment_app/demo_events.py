"""The demo's history: two days of events of invented people, so that the first look shows charts and deliveries."""

from __future__ import annotations

import random
import time
from typing import Any

import orjson

from audit.ids import new_id
from workspaces.event_log import open_writer
from workspaces.models import Source
from workspaces.tracking.envelope import Envelope, pack

EVENTS = 60
PERIOD = 48 * 60 * 60  # seconds
PEOPLE = (
    ("patient-1", "Ada Example", "ada@example.com", "+1 555 0101", "MRN-1001"),
    ("patient-2", "Ben Sample", "ben@example.com", "+1 555 0102", "MRN-1002"),
    ("patient-3", "Cleo Muster", "cleo@example.com", "+1 555 0103", "MRN-1003"),
    ("patient-4", "Dan Specimen", "dan@example.com", "+1 555 0104", "MRN-1004"),
)
VISITS = (
    ("Visit Booked", {"clinic": "North", "diagnosis": "seasonal allergy"}),
    ("Visit Cancelled", {"clinic": "South", "reason": "moved"}),
    ("Lab Result Viewed", {"lab_result": "negative", "panel": "A"}),
    ("Prescription Renewed", {"medication": "cetirizine", "refills": 2}),
)


def append_history(server: Source, website: Source) -> None:
    """Put the events into the log as if they had come in over the last two days; the worker takes them from there."""
    draw, writer, now = random.Random(7), open_writer(), time.time()  # noqa: S311  (the same history each time)
    for number in range(EVENTS):
        received_at = int((now - PERIOD * (1 - number / EVENTS)) * 1_000_000)
        source, event = (website, _page(draw)) if number % 4 == 3 else (server, _call(draw, number))  # noqa: PLR2004
        envelope = Envelope(event.pop("type"), False, "", [], 0, 0, orjson.dumps(event))
        writer.append(pack(envelope, entry_id=new_id(), source_id=source.pk, received_at=received_at, events=1))
    writer.close()


def _call(draw: random.Random, number: int) -> dict[str, Any]:
    user, name, email, phone, mrn = draw.choice(PEOPLE)
    if number % 6 == 0:
        return {"type": "identify", "userId": user, "traits": {"name": name, "email": email, "patient_mrn": mrn}}
    event, properties = draw.choice(VISITS)
    contact = {"email": email, "phone": phone}
    return {"type": "track", "userId": user, "event": event, "properties": {**properties, **contact}}


def _page(draw: random.Random) -> dict[str, Any]:
    path = draw.choice(("/", "/book", "/results", "/messages"))
    return {"type": "page", "anonymousId": f"visitor-{draw.randint(1, 9)}", "name": path, "properties": {"path": path}}
