"""A known mix of events through the real product, and each number read off the pages that show it.

The Tracking API takes the events, the worker sends them to a receiver that answers by the event's name, an admin opens
the pages. Every event is in one place of each page, and no page says other than the next.
"""

from __future__ import annotations

import io
import json
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from destinations.filters import changing
from destinations.filters.builder import Answers, Condition
from destinations.models import Delivery, DeliveryCount, DeliveryNameCount, Destination, PublicKey
from destinations.pipeline import name_upkeep
from tests.destinations.factories import encrypt_for, track
from tests.destinations.pipeline.driving import Driven, make_due
from tests.destinations.receivers import Answer, Got, Receiver
from tests.destinations.reports.test_overview import cards
from tests.destinations.test_destination_pages import page_of, rows_of, tiles
from workspaces import write_keys
from workspaces.models import EventCount, EventNameCount, Source, User
from workspaces.tracking.api import TrackingApi

SECRET = "jo@example.com"
PERIODS = ("minutes", "hour", "day", "week", "fortnight")


def named(count: int, event: str, **more: Any) -> list[dict[str, Any]]:
    return [track(f"{event}-{n}", event=event, **more) for n in range(count)]


def answer(got: Got) -> Answer:
    """`401 ...` is refused, `503 once ...` succeeds at the second try, `503 ...` at none; the rest is taken."""
    name = got.json.get("event", "")
    status = int(name[:3]) if name[:3].isdigit() else 200
    return Answer(200 if "once" in name and got.header("X-Retry-Count") != "0" else status)


class Api:
    """The Tracking API with one source's write key."""

    def __init__(self, source: Source) -> None:
        self._api, self._key = TrackingApi(), write_keys.issue(source)

    def send(self, *events: dict[str, Any]) -> None:
        """One POST to /v1/batch, answered with 200."""
        body, statuses = json.dumps({"batch": events}).encode(), []
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/v1/batch",
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": "192.0.2.7",
            "HTTP_AUTHORIZATION": f"Basic {b64encode(f'{self._key}:'.encode()).decode()}",
            "wsgi.input": io.BytesIO(body),
        }
        self._api(environ, lambda status, headers, exc_info=None: statuses.append(status) or (lambda _: None))
        assert statuses == ["200 OK"]


@pytest.fixture
def api(own_log: None, source: Source) -> Iterator[Api]:
    made = Api(source)
    yield made
    made._api._ingest._log.close()


@pytest.fixture
def mixed(
    api: Api, worker: Driven, destination: Destination, receiver: Receiver, source: Source, alice: User
) -> Destination:
    """40 events. See `EXPECTED` for what becomes of them."""
    receiver.answer = answer
    encrypt_for(destination, "email")
    lab = Answers(name="No labs", action="drop", conditions=[Condition("event", "is_string", value="Lab Booked")])
    changing.create_filter(destination, lab, actor=alice)
    worker.turn()
    api.send(
        *named(9, "Visit Booked", properties={"email": SECRET}),
        *named(1, "Visit Booked"),  # seen before
        *named(4, "503 once"),
        *named(3, "401 refused", properties={"email": SECRET}),
        *named(2, "503 always"),
        *named(5, "Lab Booked", properties={"email": SECRET}),
        *named(2, "Elsewhere", integrations={"All": False}),
        *[{"type": "page", "userId": "u1", "messageId": f"p-{n}", "name": "Home"} for n in range(6)],
        {"type": "track", "userId": "u1"},
        {"type": "track", "userId": "u1"},
        {"type": "track", "event": "Nobody"},
    )
    worker.work_off()
    assert make_due() == 6
    worker.until(lambda: not Delivery.objects.filter(status="waiting", attempts=1).exists(), "all are tried again")
    worker.work_off()
    pem = PublicKey.objects.get().pem
    PublicKey.objects.update(pem="broken")
    destination.refresh_from_db()
    Destination.objects.update(revision=destination.revision + 1)
    worker.look_for_changes()
    worker.turn()
    api.send(*named(3, "Key Lost", properties={"email": SECRET}))
    worker.work_off()
    Destination.objects.update(enabled=False, revision=destination.revision + 2)
    PublicKey.objects.update(pem=pem)
    worker.look_for_changes()
    worker.turn()
    api.send(*named(2, "While Off"))
    worker.work_off()
    return destination


EXPECTED = [
    ("Successfully received", "40"),
    ("Failed on ingest", "3"),
    ("Filtered at source", "1"),
    ("Filtered at destination", "10"),
    ("Failed delivery", "3"),
    ("Successful delivery", "19"),
]  # 2 wait, 2 came in while it was disabled
REASONS = {
    "ingest": {"event_not_defined": "2", "no_user_anon_id": "1"},
    "source": {"duplicate": "1"},
    "filtered": {"FILTERED_BY_RULES": "5", "FILTERED_BY_INTEGRATIONS_OBJECT": "2", "FAILED_DATA_ENCRYPTION": "3"},
    "failed": {"errors.discarded.401": "3"},
}
NAMES = {
    "received": {
        "Visit Booked": 10, "503 once": 4, "401 refused": 3, "503 always": 2, "Lab Booked": 5, "Elsewhere": 2,
        "\N{EN DASH}": 9, "Key Lost": 3, "While Off": 2,
    },
    "ingest": {"\N{EN DASH}": 3},
    "source": {"Visit Booked": 1},
    "filtered": {"Lab Booked": 5, "Elsewhere": 2, "Key Lost": 3},
    "failed": {"401 refused": 3},
    "delivered": {"Visit Booked": 9, "503 once": 4, "\N{EN DASH}": 6},
}  # fmt: skip


def by_name(page: str) -> dict[str, int]:
    found: Counter[str] = Counter()
    for row in rows_of(page, "Event names"):
        found[row[0]] += int(row[2])
    return dict(found)


def counts_of(page: str, step: str) -> dict[str, str]:
    place = 3 if step in {"filtered", "failed"} else 2
    return {row[1]: row[place] for row in rows_of(page, "Discard reasons")}


def test_delivery_overview(mixed: Destination, as_alice: Client) -> None:
    for period in PERIODS:
        page = page_of(as_alice, mixed, "overview", f"?period={period}")
        assert cards(page) == EXPECTED, period
        assert "2 events pending retry" in page
        assert "2 events came in while this destination was disabled or not there yet." in page
        for step, reasons in REASONS.items():
            shown = page_of(as_alice, mixed, "overview", f"?period={period}&step={step}")
            assert counts_of(shown, step) == reasons, period
        for step, names in NAMES.items():
            shown = page_of(as_alice, mixed, "overview", f"?period={period}&step={step}&by=name")
            assert by_name(shown) == names, (period, step)


def test_source_overview(mixed: Destination, as_alice: Client) -> None:
    for period in PERIODS:
        url = f"/acme-health/sources/{mixed.source.slug}/overview?period={period}"
        page = as_alice.get(url).content.decode()
        assert cards(page) == EXPECTED[:3]
        assert re.findall(r'pipeline__eligible">([\d,]+)<', page) == ["36"]
        assert rows_of(page, "Connected destinations") == [
            [mixed.name, "Disabled", "Encrypted", "10", "3", "2", "19"]
        ], period
        assert by_name(as_alice.get(f"{url}&step=received&by=name").content.decode()) == NAMES["received"]


def test_event_delivery(mixed: Destination, as_alice: Client) -> None:
    page = page_of(as_alice, mixed)
    found = tiles(page)
    assert re.fullmatch(r"\d+(ms|s|min|\.\ds)", found.pop("P95 Latency"))
    assert found == {
        "Delivered on first try": "15",
        "Delivered on retry": "4",
        "Failed events": "3",
        "Unsupported events": "0",
    }
    assert "2 wait for a try and 3 are held" in page
    assert [(row[0], row[1]) for row in rows_of(page, "Issues by reason")] == [
        ("Failed data encryption", "3"),
        ("401 Unauthorized", "3"),
        ("5xx Server error", "2"),
    ]
    undelivered = page_of(as_alice, mixed, "delivery/undelivered")
    assert len(rows_of(undelivered, "Undelivered events")) == 6


def test_home_counts_the_same(mixed: Destination, as_alice: Client) -> None:
    page = as_alice.get("/acme-health/home").content.decode()
    found = tiles(page)
    assert (found["Events received"], found["Events discarded"]) == ("36", "4")


def test_what_the_receiver_got_is_what_the_pages_say(mixed: Destination, receiver: Receiver) -> None:
    taken = {got.message_id for got in receiver.got if answer(got).status == 200}
    assert len(taken) == 19
    assert SECRET.encode() not in b"".join(got.body for got in receiver.got)


def test_both_kinds_of_counts_agree_after_minutes_became_hours(mixed: Destination) -> None:
    def plain() -> list[Counter[Any]]:
        found = []
        for model, owner in ((EventCount, "source"), (DeliveryCount, "destination")):
            rows = model.objects.values_list(owner, "hour", "event_type", "outcome", "count")  # type: ignore[attr-defined]
            found.append(Counter({row[:4]: row[4] for row in rows}))
        return found

    def named_ones() -> list[Counter[Any]]:
        found = []
        for model, owner in ((EventNameCount, "source"), (DeliveryNameCount, "destination")):
            sums: Counter[Any] = Counter()
            for pk, since, *rest, count in model.objects.values_list(  # type: ignore[attr-defined]
                owner, "since", "event_type", "outcome", "count"
            ):
                sums[pk, since.replace(minute=0), *rest] += count
            found.append(sums)
        return found

    assert named_ones() == plain()
    name_upkeep.tidy()
    assert named_ones() == plain()


def test_sent_again_they_leave_one_number_and_join_another(
    mixed: Destination, worker: Driven, receiver: Receiver, as_alice: Client
) -> None:
    receiver.answer = lambda got: Answer(200)
    Destination.objects.update(enabled=True, revision=99)
    url = f"/acme-health/destinations/{mixed.pk}/delivery/undelivered/send"
    assert as_alice.post(url, {"which": "all"}).status_code == 302
    worker.look_for_changes()
    worker.until(
        lambda: not Delivery.objects.filter(status__in=["queued", "dead", "held"]).exists(), "all are prepared"
    )
    make_due()
    worker.until(lambda: not Delivery.objects.exclude(status="delivered").exists(), "all are delivered")
    worker.work_off()
    for period in PERIODS:
        page = page_of(as_alice, mixed, "overview", f"?period={period}&step=delivered&by=name")
        assert cards(page)[3:] == [
            ("Filtered at destination", "7"),
            ("Failed delivery", "0"),
            ("Successful delivery", "27"),
        ], period
        assert by_name(page) == NAMES["delivered"] | {"401 refused": 3, "Key Lost": 3, "503 always": 2}
