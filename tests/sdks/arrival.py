"""Checks of what arrived, the same for every client."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.sdks.traffic import Traffic

DATES = ("originalTimestamp", "sentAt", "receivedAt", "timestamp")
OF_THE_DELIVERY = {*DATES, "messageId", "_metadata"}
MILLISECOND = timedelta(milliseconds=1)


def now() -> datetime:
    """The time in whole milliseconds, as events carry it."""
    moment = datetime.now(tz=UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def dates(event: dict[str, Any]) -> tuple[datetime, datetime, datetime, datetime]:
    """originalTimestamp, sentAt, receivedAt and timestamp; all in the one documented form."""
    assert all(len(event[name]) == len("2024-01-02T03:04:05.678Z") for name in DATES)
    original, sent, received, timestamp = (datetime.fromisoformat(event[name]) for name in DATES)
    return original, sent, received, timestamp


def assert_dates(event: dict[str, Any], began: datetime) -> None:
    """Written, sent and received in this order since `began`, and corrected as documented, to the millisecond."""
    original, sent, received, _ = dates(event)
    assert began <= original <= sent <= received <= now()
    assert_corrected(event)


def assert_corrected(event: dict[str, Any]) -> None:
    original, sent, received, timestamp = dates(event)
    assert abs(timestamp - (received - (sent - original))) <= 2 * MILLISECOND  # each was cut to milliseconds


def assert_same(events: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Equal but for what differs from one delivery to the next; as JSON, where `true` is not 1."""
    found = [{name: value for name, value in event.items() if name not in OF_THE_DELIVERY} for event in events]
    assert found == expected
    assert json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)
    ids = {event["messageId"] for event in events}
    assert len(ids) == len(events)
    assert not any(message_id.startswith("api-") for message_id in ids)  # the product's, for events without one


def assert_taken_at_once(traffic: Traffic, **headers: str) -> None:
    """Every request had these headers and was answered 200 at the first attempt, and there was never a cookie."""
    requests = traffic.requests()
    assert {request.status for request in requests} == {200}
    assert all(headers.items() <= request.headers.items() for request in requests)
    assert not any({"x_retry_count", "cookie"} & request.headers.keys() for request in requests)
    assert not any(request.sets_cookie() for request in requests)
