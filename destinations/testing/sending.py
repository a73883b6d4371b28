"""The Event Tester: one real event to one destination, now, by the one door out, encrypted as every other.

As documented it bypasses filters, and what it sends is counted nowhere. All that protects people holds for it too:
suppressed users, blocked and withheld fields, encryption.
"""

from __future__ import annotations

import dataclasses
import json
import uuid
from dataclasses import dataclass
from time import monotonic
from typing import Any

import msgspec
from django.conf import settings as django_settings
from django.utils import timezone

from audit.event_ids import event_id
from audit.event_types import EventType
from audit.record import record
from destinations.catalog.base import Item, Outcome, Request, Response, Verdict
from destinations.delivery.address_guard import parse_networks
from destinations.delivery.http import Courier
from destinations.models import Destination
from destinations.pasted import printable
from destinations.pipeline.plan import DestinationPlan, plan_of
from destinations.pipeline.steps import FAILED_DATA_ENCRYPTION, Event, Stopped, prepared
from destinations.testing.redaction import Redaction
from workspaces.access import Right, require_right
from workspaces.models import User
from workspaces.tracking.blocking import block, is_of
from workspaces.tracking.controls import controls_of
from workspaces.tracking.normalise import Arrival, normalise

KEPT = 16 * 1024  # characters of the answer's body
FETCHED_BYTES = KEPT + 2048  # so that no credential is cut in two, and shown by half
MOST_SECONDS = 20.0

_WHY = {
    "FILTERED_BY_INTEGRATIONS_OBJECT": "The event's integrations object excludes this destination.",
    "UNSUPPORTED_EVENT_TYPE": "This destination does not take events of this type.",
    FAILED_DATA_ENCRYPTION: "A chosen field cannot be encrypted, so the event is not sent.",
}


class NotSent(Exception):
    """Nothing left; the message says why."""


@dataclass(frozen=True, slots=True)
class Tested:
    """What was sent and what was answered, without credentials. `answer` is None where no answer came."""

    method: str
    url: str
    request: str  # body and headers as JSON
    status: int | None
    answer: str | None  # body and headers as JSON
    duration_ms: int
    delivered: bool
    code: str  # empty when delivered, else the documented error code
    fingerprint: str  # of the key that encrypted the chosen fields; empty without encryption


def send_test_event(destination: Destination, event: Event, *, actor: User) -> Tested:
    """Send `event` (as a client would send it; it is changed) and wait for the answer; raises NotSent.

    The audit row is written first: an event that could not be recorded is not sent.
    """
    require_right(actor, destination.workspace, Right.EDIT_DESTINATIONS, source=destination.source)
    plan = plan_of(destination)
    if plan is None:
        raise NotSent("The destination's settings cannot be opened.")
    event = _as_received(destination, event)
    try:
        body = prepared(event, dataclasses.replace(plan, filters=()))
    except Stopped as stopped:
        raise NotSent(_WHY.get(stopped.code, "The event cannot be sent as JSON.")) from None
    request = _request(plan, body, event["messageId"])
    details = {"type": event["type"], "fingerprint": plan.key_fingerprint}
    record(
        EventType.TEST_EVENT_SENT,
        actor=actor,
        workspace_id=destination.workspace_id,
        subject=destination,
        end_user_id=event_id(event["messageId"], workspace_id=destination.workspace_id),
        details=details,
    )
    response = _exchange(destination.pk, request)
    return _shown(plan, request, response, _outcome(plan, response, Item(body, event["messageId"])))


def _as_received(destination: Destination, event: Event) -> Event:
    """The event as it would be if the source had sent it now."""
    controls = controls_of(destination.workspace_id, destination.source_id)
    if controls.is_suppressed is not None and is_of(event, controls.is_suppressed):
        raise NotSent("This user is suppressed: no event of theirs is sent.")
    if controls.blocker is not None:
        block(event, controls.blocker)
    arrival = Arrival(uuid.uuid4().hex, timezone.now(), ip="", browser=False)
    return normalise(event, place=0, kind=event["type"], arrival=arrival)


def _request(plan: DestinationPlan, body: bytes, message_id: str) -> Request:
    try:
        request = plan.connector.build_request(
            body, plan.settings, key_fingerprint=plan.key_fingerprint, message_id=message_id, attempt=1
        )
    except Exception:  # noqa: BLE001  (a connector's text may hold a credential)
        raise NotSent("No request can be made with the destination's settings.") from None
    return msgspec.structs.replace(request, keep=max(request.keep, FETCHED_BYTES))


def _exchange(lane: uuid.UUID, request: Request) -> Response:
    courier: Courier[None] = Courier(parse_networks(django_settings.DELIVERY_ALLOWED_NETWORKS), keeps_headers=True)
    end = monotonic() + min(request.timeout + 1.0, MOST_SECONDS)
    try:
        courier.submit(lane, None, request)
        while monotonic() < end:
            for _, response in courier.poll(0.1):
                return response
        return Response(None, "ETIMEDOUT")
    finally:
        courier.close()


def _outcome(plan: DestinationPlan, response: Response, item: Item) -> Outcome:
    if plan.connector.batching is None:
        return plan.connector.read_response(response)
    return plan.connector.read_batch(response, [item])[0]


def _shown(plan: DestinationPlan, request: Request, response: Response, outcome: Outcome) -> Tested:
    redaction = Redaction(plan.connector.settings_form, plan.settings, request)
    sent = {"body": _json(request.body), "headers": redaction.headers(request.headers)}
    return Tested(
        method=request.method,
        url=redaction.url(request.url),
        request=redaction.text(_pretty(sent)),
        status=response.status,
        answer=None if response.status is None else redaction.text(_answer(response, redaction)),
        duration_ms=response.duration_ms,
        delivered=outcome.verdict is Verdict.DELIVERED,
        code=outcome.code,
        fingerprint=plan.key_fingerprint,
    )


def _answer(response: Response, redaction: Redaction) -> str:
    # Once as it came, once (by the caller) as it is shown: each time a credential may be spelled another way.
    kept = redaction.text(response.body.decode(errors="replace"))
    body = _json(kept[:KEPT].encode(errors="replace"))
    text = _pretty({"body": body, "headers": redaction.answer_headers(response.headers)})
    return f"{text}\n… (body cut after {KEPT // 1024} KB)" if len(kept) > KEPT else text


def _json(body: bytes) -> Any:
    """The body as JSON, or as text where it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode(errors="replace")


def _pretty(value: Any) -> str:
    return printable(json.dumps(value, indent=2, ensure_ascii=False))
