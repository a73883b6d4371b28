"""Delivery Overview: every figure agrees with what was sent, and the steps account for every event."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from audit.models import AuditRow
from destinations.delivery import ledger
from destinations.models import Delivery, DeliveryCount, DeliveryNameCount, Destination, FilteredSample, PublicKey
from destinations.pipeline import name_upkeep
from destinations.reports.overview import overview
from tests.destinations.factories import PAIR, DestinationFactory, append, append_events, encrypt_for, log_entry, track
from tests.destinations.making import BASE, recorded
from tests.destinations.pipeline.driving import Driven
from tests.destinations.receivers import Answer, Receiver
from tests.destinations.test_destination_pages import page_of, rows_of
from tests.queries import counted
from workspaces.models import EventCount, EventNameCount, Source, User
from workspaces.spans import KEPT, BadSpan, span_of

NOON = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)


def counts(destination: Destination) -> dict[str, int]:
    found = overview(destination, span_of({}, now=datetime.now(UTC)))
    told = {step.key: step.figure.count for step in found.steps}
    return {**told, "pending": found.pending, "held": found.held, "not offered": found.not_offered}


def cards(page: str) -> list[tuple[str, str]]:
    """Title and count of each card."""
    found = re.findall(r'pipeline__body">\s*<span class="strong">([^<]+)</span>\s*<span>([\d,]+)', page)
    return [(title, count) for title, count in found]


@pytest.fixture
def mixed(worker: Driven, destination: Destination, receiver: Receiver, source: Source) -> Destination:
    """18: 2 fail on ingest, 1 is a duplicate, 3 are filtered, 1 is held, 2 fail, 1 waits, 7 arrive, 1 is early."""
    receiver.answer = lambda got: Answer({"bad": 400, "later": 503}.get(got.json.get("event"), 200))
    encrypt_for(destination, "email")
    append_events(source, track("early"))  # 1, before the destination is there
    Destination.objects.update(enabled=False)
    worker.work_off()
    Destination.objects.update(enabled=True, revision=9)
    worker.look_for_changes()
    events = [track(f"ok-{n}") for n in range(7)] + [track("ok-0")]
    events += [track(f"bad-{n}", event="bad") for n in range(2)] + [track("later", event="later")]
    events += [track(f"no-{n}", integrations={"All": False}) for n in range(3)]
    append(log_entry(source, *events, {}, {}, skip=[(14, "track", "event_not_defined"), (15, "page", "bad_request")]))
    worker.work_off()
    PublicKey.objects.update(pem="broken")
    Destination.objects.update(revision=10)
    worker.look_for_changes()
    append_events(source, {"type": "identify", "userId": "u1", "messageId": "i-1", "traits": {"email": "a@b.c"}})
    worker.work_off()
    return destination


def test_every_figure_agrees_with_what_was_sent(mixed: Destination) -> None:
    assert counts(mixed) == {
        "received": 18,
        "ingest": 2,
        "source": 1,
        "filtered": 4,
        "failed": 2,
        "delivered": 7,
        "pending": 1,
        "held": 1,
        "not offered": 1,
    }


def test_each_event_is_in_exactly_one_place(mixed: Destination) -> None:
    found = counts(mixed)
    steps = ("ingest", "source", "filtered", "failed", "delivered", "pending", "not offered")
    assert sum(found[step] for step in steps) == found["received"]


def test_the_page_shows_the_same(mixed: Destination, as_alice: Client) -> None:
    with recorded() as rows:
        page = page_of(as_alice, mixed, "overview", "?step=filtered")
    assert rows == ["Delivery Overview Viewed"]
    assert cards(page) == [
        ("Successfully received", "18"),
        ("Failed on ingest", "2"),
        ("Filtered at source", "1"),
        ("Filtered at destination", "4"),
        ("Failed delivery", "2"),
        ("Successful delivery", "7"),
    ]
    assert "1 event pending retry" in page
    assert "1 event came in while this destination was disabled or not there yet." in page
    reasons = rows_of(page, "Discard reasons")
    assert [(row[0].split(" Change")[0].split(" Check")[0], row[1], *row[3:5]) for row in reasons] == [
        (
            "Filtered by integrations object The event&#x27;s integrations object excludes this destination.",
            "FILTERED_BY_INTEGRATIONS_OBJECT",
            "3",
            "16.7%",
        ),
        ("Failed data encryption", "FAILED_DATA_ENCRYPTION", "1", "5.6%"),
    ]
    assert [row[:2] for row in rows_of(page, "Event types")] == [["track", "3"], ["identify", "1"]]


@pytest.mark.parametrize(
    ("step", "reasons"),
    [
        ("ingest", [("Bad request", "1"), ("Track event not a string", "0")]),
        ("failed", [("400 Bad Request", "2")]),
        ("received", []),
        ("delivered", []),
        ("nonsense", []),
    ],
)
def test_each_step_has_its_reasons(mixed: Destination, as_alice: Client, step: str, reasons: list[Any]) -> None:
    found = rows_of(page_of(as_alice, mixed, "overview", f"?step={step}"), "Discard reasons")
    if step == "ingest":
        assert sorted((row[1], row[2]) for row in found) == [("bad_request", "1"), ("event_not_defined", "1")]
    else:
        assert [(row[0].split(" Compare")[0], row[3]) for row in found] == reasons


def put(destination: Destination, ago: timedelta, outcome: str, count: int) -> None:
    hour = NOON.replace(minute=0) - ago
    if outcome in {"received", "bad_request"}:
        EventCount.objects.create(
            source=destination.source, hour=hour, event_type="track", outcome=outcome, count=count
        )
    else:
        DeliveryCount.objects.create(
            destination=destination, hour=hour, event_type="track", outcome=outcome, count=count
        )


@pytest.mark.django_db
def test_change_is_against_the_equal_time_before() -> None:
    destination = DestinationFactory()
    for ago, received, delivered in ((0, 60, 30), (23, 40, 40), (24, 100, 90), (47, 100, 90), (48, 999, 999)):
        put(destination, timedelta(hours=ago), "received", received)
        put(destination, timedelta(hours=ago), "delivered", delivered)
    steps = {step.key: step for step in overview(destination, span_of({}, now=NOON)).steps}
    figure = steps["delivered"].figure
    assert (figure.count, figure.before, figure.change, figure.percent, figure.points) == (70, 180, -110, 70.0, -20.0)
    assert (len(steps["delivered"].series), steps["delivered"].series[0], steps["delivered"].series[-1]) == (24, 40, 30)


@pytest.mark.parametrize(
    ("query", "since", "until"),
    [
        ({}, "2026-03-09T13:00", "2026-03-10T13:00"),
        ({"period": "x"}, "2026-03-09T13:00", "2026-03-10T13:00"),
        ({"period": "minutes"}, "2026-03-10T12:21", "2026-03-10T12:31"),
        ({"period": "hour"}, "2026-03-10T11:31", "2026-03-10T12:31"),
        ({"period": "week"}, "2026-03-03T13:00", "2026-03-10T13:00"),
        ({"period": "fortnight"}, "2026-02-24T13:00", "2026-03-10T13:00"),
        ({"since": "2026-03-01", "until": "2026-03-02"}, "2026-03-01T00:00", "2026-03-03T00:00"),
        ({"since": "2025-12-10", "until": "2025-12-23"}, "2025-12-10T00:00", "2025-12-24T00:00"),
    ],
)
def test_spans(query: dict[str, str], since: str, until: str) -> None:
    span = span_of(query, now=NOON)
    assert (f"{span.since:%Y-%m-%dT%H:%M}", f"{span.until:%Y-%m-%dT%H:%M}") == (since, until)
    assert span.steps[-1] < span.until <= span.steps[-1] + span.step
    assert span.before >= NOON - KEPT  # what it is compared with is kept, too


@pytest.mark.parametrize(
    "query",
    [
        {"since": "2026-03-01"},
        {"until": "2026-03-01"},
        {"since": "x", "until": "2026-03-01"},
        {"since": "2026-03-02", "until": "2026-03-01"},
        {"since": "2026-03-01", "until": "2026-03-15"},
        {"since": "2025-12-09", "until": "2025-12-10"},  # counts of that day are gone, or will be while one looks
    ],
)
def test_dates_that_make_no_span_are_refused(query: dict[str, str]) -> None:
    with pytest.raises(BadSpan):
        span_of(query, now=NOON)


def test_bad_dates_are_said_to_be(as_alice: Client, destination: Destination) -> None:
    page = page_of(as_alice, destination, "overview", "?since=2026-03-02&until=2026-03-01")
    assert "Choose at most two weeks, the first day before the last." in page
    assert "Last 24 hours" in page


def test_percentages_can_be_turned_off(as_alice: Client, destination: Destination, alice: User) -> None:
    with time_machine.travel(NOON, tick=False):
        as_alice.force_login(alice)
        put(destination, timedelta(0), "received", 4)
        put(destination, timedelta(hours=30), "received", 1)
        put(destination, timedelta(0), "delivered", 3)
        shown = page_of(as_alice, destination, "overview")
        without = page_of(as_alice, destination, "overview", "?metrics=counts")
    assert ("75.0% of received" in shown, 'aria-checked="true"' in shown) == (True, True)
    assert ("75.0% of received" in without, 'aria-checked="false"' in without) == (False, True)
    assert re.findall(r"Change: ([+\-\d]+)", without)[0] == "+3"


def test_queries_do_not_grow(mixed: Destination, as_alice: Client) -> None:
    found = []
    for _ in range(2):
        with counted() as queries:
            page_of(as_alice, mixed, "overview", "?step=failed")
        found.append(len([query for query in queries if "count" in query["sql"]]))
        for n in range(30 * (len(found) == 1)):
            put(mixed, timedelta(hours=n), f"errors.discarded.4{n}", 1)
    assert found[0] == found[1]
    assert Delivery.objects.count() == 4


def sheet(client: Client, destination: Destination, query: str) -> str:
    url = f"{BASE}/{destination.pk}/overview/reason?{query}"
    response = client.get(url, headers={"HX-Request": "true"})
    assert response.status_code == 200, query
    return response.content.decode()


def payload(page: str) -> Any:
    found = re.search(r'<code id="payload">([^<]+)</code>', page)
    assert found, page
    return json.loads(html.unescape(found[1]))


FILTERED, FAILED, HELD = "FILTERED_BY_INTEGRATIONS_OBJECT", "errors.discarded.400", "FAILED_DATA_ENCRYPTION"


def test_each_reason_has_samples_of_what_was_sent(mixed: Destination, as_alice: Client) -> None:
    with recorded() as rows:
        pages = [sheet(as_alice, mixed, f"reason={FILTERED}&sample={number}") for number in (1, 2, 3, 9)]
    assert rows == ["Delivery Sample Viewed"] * 4
    assert [payload(page)["messageId"] for page in pages] == ["no-2", "no-1", "no-0", "no-0"]
    assert ("1 of 3" in pages[0], "3 of 3" in pages[2]) == (True, True)
    assert "3 events, 16.7% of received." in pages[0]
    assert [row[:3] for row in rows_of(pages[0], "Event names")] == [["Visit Booked", "track", "3"]]
    row = AuditRow.objects.filter(event_type="Delivery Sample Viewed").latest("id")
    assert {key: row.details[key] for key in ("reason", "part")} == {"reason": FILTERED, "part": "You Sent"}
    assert "no-0" not in json.dumps(row.details)
    assert payload(sheet(as_alice, mixed, f"reason={FAILED}"))["event"] == "bad"
    held = payload(sheet(as_alice, mixed, f"reason={HELD}&period=minutes"))
    assert (held["messageId"], held["traits"]) == ("i-1", {"email": "a@b.c"})


def test_samples_are_masked_without_pii_access(mixed: Destination, client: Client, bob: User) -> None:
    client.force_login(bob)
    page = sheet(client, mixed, f"reason={HELD}")
    assert "a@b.c" not in page
    assert payload(page)["traits"] == {"email": "\u2022" * 8}
    assert "you do not have PII Access" in page


def test_a_sample_that_is_gone_is_said_to_be(mixed: Destination, as_alice: Client) -> None:
    FilteredSample.objects.update(log_position=10**6)
    assert "This event is no longer kept." in sheet(as_alice, mixed, f"reason={FILTERED}")
    FilteredSample.objects.all().delete()
    page = sheet(as_alice, mixed, f"reason={FILTERED}")
    assert ("3 events" in page, "No sample of these events is kept" in page) == (True, True)


@pytest.mark.parametrize("query", ["", "reason=", "reason=%00", "reason=delivered", "reason=errors.discarded.999"])
def test_a_reason_nothing_stopped_for_is_not_found(mixed: Destination, as_alice: Client, query: str) -> None:
    assert as_alice.get(f"{BASE}/{mixed.pk}/overview/reason?{query}").status_code == 404
    assert not AuditRow.objects.filter(event_type="Delivery Sample Viewed").exists()


def test_only_the_last_ten_samples_of_a_reason_are_kept(mixed: Destination, worker: Driven, source: Source) -> None:
    PublicKey.objects.update(pem=PAIR.public_pem)
    for round_ in range(3):
        append_events(source, *[track(f"more-{round_}-{n}", integrations={"All": False}) for n in range(12)])
        worker.work_off()
    assert FilteredSample.objects.count() == 3 + 3 * 10
    assert name_upkeep.tidy() == 23
    assert name_upkeep.tidy() == 0
    kept = list(FilteredSample.objects.order_by("id").values_list("log_place", flat=True))
    assert kept == list(range(2, 12))
    (position,) = set(FilteredSample.objects.values_list("log_position", flat=True))
    assert position == ledger.saved_position(FilteredSample.objects.all()[0].log_partition)


def test_names_and_samples_go_with_the_workspaces_retention(mixed: Destination) -> None:
    assert DeliveryNameCount.objects.exists()
    with time_machine.travel(datetime.now(UTC) + timedelta(days=31)):
        name_upkeep.tidy()
    assert not DeliveryNameCount.objects.exists()
    assert not EventNameCount.objects.exists()
    assert DeliveryCount.objects.exists()


def test_names_take_one_query(mixed: Destination, as_alice: Client) -> None:
    found = []
    for query in ("?step=received", "?step=received&by=name", "?step=filtered&by=name"):
        page_of(as_alice, mixed, "overview", query)
        with counted() as queries:
            page_of(as_alice, mixed, "overview", query)
        found.append(len(queries))
    assert found[1] == found[2] == found[0] + 1
