"""Event Delivery's numbers agree with what was sent, first to last, and its samples show no more than they may."""

from __future__ import annotations

import html
import json
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from audit.event_ids import event_id
from audit.ids import new_id
from audit.models import AuditRow
from destinations.delivery.latency import bucket_of
from destinations.delivery.origin import event_at
from destinations.models import Attempt, Delivery, DeliveryCount, DeliveryLatency, Destination
from destinations.reports.event_delivery import PERIODS, in_words, numbers
from destinations.reports.issues import issues
from tests.destinations.factories import append_events, encrypt_for, opened, track
from tests.destinations.making import BASE
from tests.destinations.pipeline.driving import Driven, make_due
from tests.destinations.receivers import Answer, Got, Receiver
from tests.destinations.test_destination_pages import page_of, rows_of, tiles
from tests.queries import counted
from workspaces.models import Source, User

NOON = datetime.fromisoformat("2026-03-10T12:30:00+00:00")
SECRET = "jo@example.com"


def answer_by_name(got: Got) -> Answer:
    """What the event's name says: `401`, or `503 once`."""
    name = got.json["event"]
    status = int(name[:3]) if name[:3].isdigit() else 200
    if name.endswith("once") and got.header("X-Retry-Count") != "0":
        status = 200
    return Answer(status)


@pytest.fixture
def mixed(worker: Driven, destination: Destination, receiver: Receiver, source: Source) -> Destination:
    """Seven delivered, two of them on retry; three refused, one still waiting, one held, four of a type not taken."""
    receiver.answer = answer_by_name
    names = ["ok"] * 5 + ["503 once"] * 2 + ["401"] * 2 + ["410"] + ["503"]
    events = [track(f"m-{n}", event=name, properties={"email": SECRET}) for n, name in enumerate(names)]
    append_events(source, *events)
    worker.work_off()
    assert make_due() == 3
    worker.until(lambda: Delivery.objects.filter(status="waiting", attempts__lt=2).count() == 0, "they are tried again")
    worker.work_off()
    return destination


def test_every_number_agrees_with_what_was_sent(mixed: Destination, as_alice: Client) -> None:
    found = numbers(mixed, PERIODS["day"][1]())
    assert (found.first_try.total, found.on_retry.total, found.failed.total) == (5, 2, 3)
    assert (found.unsupported, found.waiting, found.held) == (0, 1, 0)
    assert [
        (each.code, each.events, each.dead, each.waiting) for each in issues(mixed, NOON - timedelta(days=9999))
    ] == [
        ("errors.discarded.401", 2, 2, 0),
        ("errors.awaiting-retry.5xx", 1, 0, 1),
        ("errors.discarded.410", 1, 1, 0),
    ]
    page = page_of(as_alice, mixed)
    assert {key: value for key, value in tiles(page).items() if key != "P95 Latency"} == {
        "Delivered on first try": "5",
        "Delivered on retry": "2",
        "Failed events": "3",
        "Unsupported events": "0",
    }
    assert [row[:3] for row in rows_of(page, "Events by what became of them")] == []
    assert "1 waits for a try and 0 are held" in page


def test_latency_is_of_what_was_delivered(mixed: Destination) -> None:
    assert sum(DeliveryLatency.objects.values_list("count", flat=True)) == 7
    slowest = max(
        (row.tried_at - row.received_at).total_seconds() * 1000 + row.duration_ms
        for row in Attempt.objects.filter(code="")
    )
    p95 = numbers(mixed, PERIODS["day"][1]()).p95
    assert p95 is not None
    assert slowest - 2 <= p95 <= slowest * 17 / 16 + 2


def count(destination: Destination, hour: datetime, outcome: str, events: int, *, ms: int | None = None) -> None:
    DeliveryCount.objects.create(destination=destination, hour=hour, event_type="track", outcome=outcome, count=events)
    if ms is not None:
        DeliveryLatency.objects.create(destination=destination, hour=hour, bucket=bucket_of(ms), count=events)


def test_periods_begin_and_end_where_they_say(as_alice: Client, alice: User, destination: Destination) -> None:
    with time_machine.travel(NOON, tick=False):
        hour = NOON.replace(minute=0)
        for ago, events in ((0, 1), (23, 2), (24, 4), (24 * 6 + 12, 8), (24 * 6 + 13, 16)):
            count(destination, hour - timedelta(hours=ago), "delivered", events, ms=100 * events)
        count(destination, hour, "UNSUPPORTED_EVENT_TYPE", 5)
        count(destination, hour, "FILTERED_BY_RULES", 7)
        as_alice.force_login(alice)
        day, week = page_of(as_alice, destination), page_of(as_alice, destination, query="?period=week")
    assert tiles(day) == {
        "Delivered on first try": "3",
        "Delivered on retry": "0",
        "Failed events": "0",
        "Unsupported events": "5",
        "P95 Latency": "207ms",
    }
    assert tiles(week)["Delivered on first try"] == "15"
    assert tiles(week)["P95 Latency"] == "831ms"
    assert "<caption>Events by what became of them</caption>" in day
    assert '<th scope="row">12:00</th><td>1</td><td>0</td><td>0</td>' in day
    assert '<th scope="row">Mar 10</th><td>1</td>' in week
    assert '<th scope="row">Mar 09</th><td>6</td>' in week


def test_latency_has_a_chart_of_its_own(as_alice: Client, destination: Destination) -> None:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    count(destination, hour, "delivered", 3, ms=1500)
    page = page_of(as_alice, destination, query="?trend=latency")
    assert "<caption>P95 latency in milliseconds</caption>" in page
    assert f'<th scope="row">{hour:%H:%M}</th><td>1535</td>' in page
    assert "1535 in all" not in page


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (None, "\u2013"),
        (0, "0ms"),
        (999, "999ms"),
        (1000, "1s"),
        (1250, "1.2s"),
        (12_400, "12s"),
        (240_000, "4min"),
        (79_680_000, "22h"),
    ],
)
def test_durations_in_words(ms: int | None, words: str) -> None:
    assert in_words(ms) == words


def sheet(client: Client, destination: Destination, query: str) -> str:
    response = client.get(f"{BASE}/{destination.pk}/delivery/issue?{query}", headers={"HX-Request": "true"})
    assert response.status_code == 200, query
    return response.content.decode()


def payload(page: str) -> Any:
    found = re.search(r'<code id="payload">([^<]+)</code>', page)
    assert found, page
    return json.loads(found[1].replace("&quot;", '"').replace("&#x27;", "'"))


def test_an_issue_tells_when_it_was_tried_and_what_was_sent(
    worker: Driven, destination: Destination, receiver: Receiver, source: Source, as_alice: Client
) -> None:
    encrypt_for(destination, "email")
    receiver.answer = lambda got: Answer(503)
    append_events(source, track("m-1", properties={"email": SECRET, "plan": "gold"}))
    worker.work_off()
    assert make_due() == 1
    worker.until(lambda: Delivery.objects.get().attempts == 2, "it is tried again")
    worker.work_off()
    query = "reason=errors.awaiting-retry.5xx"
    page = sheet(as_alice, destination, query)
    assert re.findall(r"Try (\d): [\d: -]+ UTC, 503 after", page) == ["1", "2"]
    assert payload(page)["properties"] == {"email": SECRET, "plan": "gold"}
    sent = payload(sheet(as_alice, destination, f"{query}&part=request"))
    assert opened(sent["properties"].pop("email")) == SECRET
    assert sent == receiver.got[0].json | {"properties": {"plan": "gold"}}
    answer = sheet(as_alice, destination, f"{query}&part=response")
    assert "<dt>Status</dt><dd>503</dd>" in answer
    rows = AuditRow.objects.filter(event_type="Delivery Sample Viewed").order_by("id")
    parts = ["You Sent", "Request to Destination", "Response from Destination"]
    delivery = Delivery.objects.get()
    assert [row.details for row in rows] == [
        {"delivery": str(delivery.pk), "reason": "errors.awaiting-retry.5xx", "part": part} for part in parts
    ]
    assert {row.end_user_id for row in rows} == {event_id("m-1", workspace_id=destination.workspace_id)}


def answer(client: Client, destination: Destination, reason: str) -> str:
    page = sheet(client, destination, f"reason={reason}&part=response")
    found = re.search(r'<code id="answer">([^<]*)</code>', page)
    return html.unescape(found[1]) if found else ""


def test_what_a_receiver_answered_is_kept_sealed_and_shown_to_those_who_may_see_it(
    worker: Driven, destination: Destination, receiver: Receiver, source: Source, as_alice: Client, bob: User
) -> None:
    """A receiver may repeat the event, and what it was sent with."""
    receiver.answer = lambda got: Answer(422, body=json.dumps([got.json["properties"], dict(got.headers)]).encode())
    append_events(source, track("m-1", properties={"email": SECRET}))
    worker.work_off()
    stored = bytes(Delivery.objects.get().sealed_answer)
    assert stored
    assert SECRET.encode() not in stored
    said = json.loads(answer(as_alice, destination, "errors.discarded.422"))
    assert said[0] == {"email": SECRET}
    assert {said[1][name] for name in ("X-Signature", "X-Signature-SHA256")} == {"REDACTED"}
    as_alice.force_login(bob)
    assert answer(as_alice, destination, "errors.discarded.422") == "\u2022" * 8


def test_a_long_answer_is_cut_and_the_last_one_counts(
    worker: Driven, destination: Destination, receiver: Receiver, source: Source, as_alice: Client
) -> None:
    receiver.says(Answer(503, body=b"first"), Answer(503, body=b"x" * 5000), Answer(503), Answer(200, body=b"thanks"))
    append_events(source, track("m-1"))
    worker.work_off()
    reason, seen = "errors.awaiting-retry.5xx", [answer(as_alice, destination, "errors.awaiting-retry.5xx")]
    for tried in (2, 3):
        assert make_due() == 1
        worker.until(lambda tried=tried: Delivery.objects.get().attempts == tried, "it is tried again")
        worker.work_off()
        seen.append(answer(as_alice, destination, reason))
    assert seen == ["first", "x" * 2048, ""]
    Delivery.objects.update(sealed_answer=b"to be emptied")
    assert make_due() == 1
    worker.until(lambda: Delivery.objects.get().status == "delivered", "it is delivered")
    assert bytes(Delivery.objects.get().sealed_answer) == b""


def test_without_pii_access_values_are_dots(mixed: Destination, client: Client, bob: User) -> None:
    client.force_login(bob)
    for part in ("sent", "request", "response"):
        page = sheet(client, mixed, f"reason=errors.discarded.401&part={part}")
        assert SECRET not in page
        assert "m-7" in page or "m-8" in page
    shown = payload(sheet(client, mixed, "reason=errors.discarded.401"))
    assert (shown["event"], shown["properties"], shown["userId"]) == ("401", {"email": "\u2022" * 8}, "\u2022" * 8)


def test_samples_are_paged(mixed: Destination, as_alice: Client) -> None:
    first = sheet(as_alice, mixed, "reason=errors.discarded.401")
    second = sheet(as_alice, mixed, "reason=errors.discarded.401&sample=2")
    assert ("1 of 2" in first, "2 of 2" in second) == (True, True)
    assert {re.search(r"<dd class=\"mono\">(m-\d)", page)[1] for page in (first, second)} == {"m-7", "m-8"}  # type: ignore[index]
    for number in ("0", "99", "x", "-1", "1e3"):
        assert " of 2</span>" in sheet(as_alice, mixed, f"reason=errors.discarded.401&sample={number}")


@pytest.mark.parametrize("reason", ["", "errors.discarded.999", "%00", "' OR 1=1"])
def test_an_issue_nobody_has_is_not_found(as_alice: Client, mixed: Destination, reason: str) -> None:
    assert as_alice.get(f"{BASE}/{mixed.pk}/delivery/issue", {"reason": reason}).status_code == 404
    assert not AuditRow.objects.filter(event_type="Delivery Sample Viewed").exists()


def test_what_is_no_longer_kept_is_said_to_be_gone(as_alice: Client, mixed: Destination) -> None:
    Delivery.objects.update(sealed_body=b"", log_position=10**6)
    assert "This event is no longer kept." in sheet(as_alice, mixed, "reason=errors.discarded.401")
    request = sheet(as_alice, mixed, "reason=errors.discarded.401&part=request")
    assert "What was to be sent is no longer kept." in request


def test_a_place_that_holds_anothers_event_shows_nothing(as_alice: Client, mixed: Destination) -> None:
    row = Delivery.objects.filter(destination=mixed).first()
    assert row is not None
    place = (row.log_partition, row.log_position, row.log_place)
    assert event_at(place, source_id=mixed.source_id) is not None
    assert event_at(place, source_id=new_id()) is None
    assert event_at((99, 1, 0), source_id=mixed.source_id) is None


def test_queries_do_not_grow_with_issues(as_alice: Client, mixed: Destination) -> None:
    found = []
    for _ in range(3):
        with counted() as queries:
            page_of(as_alice, mixed)
        found.append(len([query for query in queries if "destinations_" in query["sql"]]))
        for row in Delivery.objects.filter(status="dead"):
            for n in range(5):
                row.reason, row.id = f"errors.discarded.45{n}", new_id()
                row.save(force_insert=True)
    assert found[0] == found[1] == found[2]
