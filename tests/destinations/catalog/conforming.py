"""What every connector does alike, tried on a real receiver through the one door out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from destinations.catalog.base import Connector, Item, Outcome, Request, Response, Verdict
from destinations.delivery.address_guard import parse_networks
from destinations.delivery.http import Courier
from tests.destinations.receivers import Answer, Authority, Receiver, receiving, wait_for

LOOPBACK = parse_networks(["127.0.0.0/8"])
SUCCESS = (Verdict.DELIVERED, "")


def event(message_id: str = "m-1", **fields: Any) -> dict[str, Any]:
    """A track event as the pipeline hands it over."""
    return {
        "type": "track",
        "event": "Visit Booked",
        "userId": "u1",
        "anonymousId": "a1",
        "messageId": message_id,
        "timestamp": "2026-01-02T03:04:05.678Z",
        "receivedAt": "2026-01-02T03:04:06.000Z",
        "sentAt": "2026-01-02T03:04:06.000Z",
        "originalTimestamp": "2026-01-02T03:04:05.678Z",
        "context": {"ip": "192.0.2.7"},
        "integrations": {},
        "properties": {"ward": "North"},
        **fields,
    }


def items(*events: dict[str, Any]) -> list[Item]:
    return [Item(json.dumps(each).encode(), each["messageId"]) for each in events]


def request_for(connector: Connector, settings: dict[str, Any], given: dict[str, Any]) -> Request:
    """The request for one event."""
    body = json.dumps(given).encode()
    return connector.build_request(body, settings, key_fingerprint="", message_id=given["messageId"], attempt=1)


def exchange(request: Request) -> Response:
    """Send it through the one door out."""
    courier: Courier[str] = Courier(LOOPBACK)
    try:
        courier.submit("lane", "token", request)
        ((_, response),) = wait_for(lambda: courier.poll(0.05), "an answer")
        return response
    finally:
        courier.close()


def verdicts(outcomes: Sequence[Outcome]) -> list[tuple[Verdict, str]]:
    return [(outcome.verdict, outcome.code) for outcome in outcomes]


class Conforming:
    """Derive, set `connector`, give its `settings` for a receiver's address and what its success looks like."""

    connector: ClassVar[Connector]
    success: ClassVar[Answer] = Answer(200)

    def settings(self, host: str) -> dict[str, Any]:
        raise NotImplementedError

    @pytest.fixture
    def receiver(self) -> Iterator[Receiver]:
        with receiving() as made:
            yield made

    def send(self, receiver: Receiver, *, timeout: float | None = None) -> tuple[Verdict, str, float | None]:
        """Verdict and code for one event, and the seconds that the receiver asked for."""
        request = request_for(self.connector, self.settings(receiver.url.removesuffix("/hook")), event())
        if timeout is not None:
            request = msgspec.structs.replace(request, timeout=timeout)
        response = exchange(request)
        outcome = self.connector.read_response(response)
        return outcome.verdict, outcome.code, response.retry_after

    def test_success(self, receiver: Receiver) -> None:
        receiver.says(self.success)
        assert self.send(receiver) == (*SUCCESS, None)
        assert len(receiver.got) == 1

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413])
    def test_a_refusal_is_final(self, receiver: Receiver, status: int) -> None:
        receiver.says(status)
        assert self.send(receiver) == (Verdict.DISCARD, f"errors.discarded.{status}", None)

    @pytest.mark.parametrize(
        ("answer", "code", "after"),
        [
            (Answer(429, {"Retry-After": "7"}), "429", 7),
            (Answer(429), "429", None),
            (Answer(408), "408", None),
            (Answer(500), "5xx", None),
            (Answer(503, {"Retry-After": "30"}), "5xx", 30),
            (Answer(raw=b""), "ECONNRESET", None),
        ],
    )
    def test_what_may_pass_is_tried_again(
        self, receiver: Receiver, answer: Answer, code: str, after: float | None
    ) -> None:
        receiver.says(answer)
        assert self.send(receiver) == (Verdict.RETRY, f"errors.awaiting-retry.{code}", after)

    def test_no_answer_in_time_is_tried_again(self, receiver: Receiver) -> None:
        receiver.hold()
        assert self.send(receiver, timeout=0.2) == (Verdict.RETRY, "errors.awaiting-retry.ETIMEDOUT", None)

    def test_broken_tls_is_tried_again_and_gets_nothing(self, tmp_path: Path) -> None:
        with receiving(tls=Authority(tmp_path).server()) as untrusted:
            assert self.send(untrusted) == (Verdict.RETRY, "errors.awaiting-retry.TLS_FAILED", None)
        assert untrusted.got == []

    @pytest.mark.parametrize(
        "body", [b"", b"no json", b"[]", b'{"failed_records": 7, "events_with_invalid_fields": []}']
    )
    def test_an_answer_of_another_shape_is_read_by_its_status(self, receiver: Receiver, body: bytes) -> None:
        for status, code in ((400, "errors.discarded.400"), (500, "errors.awaiting-retry.5xx")):
            receiver.says(Answer(status, body=body))
            assert self.send(receiver)[1] == code

    def test_a_private_address_is_a_setting_to_mend(self) -> None:
        response = Response(None, "ADDRESS_REFUSED")
        assert verdicts([self.connector.read_response(response)]) == [
            (Verdict.DISCARD, "errors.discarded.INVALID_SETTINGS")
        ]

    def test_whatever_an_event_holds_a_request_can_be_made(self) -> None:
        for kind in sorted(self.connector.entry.event_types):
            for odd in (None, [], {}, 7, "\ud800", {"a": None}):
                given = event(type=kind, event=odd, name=odd, context=odd, properties=odd, traits=odd, userId=odd)
                assert request_for(self.connector, self.settings("https://example.com"), given).body
