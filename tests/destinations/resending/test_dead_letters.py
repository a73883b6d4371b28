"""Undelivered events are sent again as the destination is configured then, once, and every number agrees afterwards."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.utils import timezone

from audit.models import AuditRow
from destinations.delivery.backoff import FIRST_CAP
from destinations.models import Delivery, Destination, PublicKey
from destinations.resending.dead_letters import DISABLED, groups, send_again
from tests.destinations.factories import FINGERPRINT, append_events, encrypt_for, opened, track
from tests.destinations.making import BASE, event_types
from tests.destinations.pipeline.driving import Driven, make_due, outcomes
from tests.destinations.receivers import Answer, Receiver
from tests.destinations.test_destination_pages import page_of, rows_of
from workspaces.event_log import open_reader
from workspaces.models import Source, User

MAIL = "jo@example.com"


def fail(worker: Driven, source: Source, receiver: Receiver, *names: str, status: int = 401) -> None:
    """Let these events be refused."""
    receiver.answer = lambda got: Answer(status)
    append_events(source, *(track(name, properties={"email": MAIL, "plan": "gold"}) for name in names))
    worker.work_off()
    receiver.answer = lambda got: Answer(200)
    receiver.got.clear()


def work(worker: Driven) -> None:
    """Turn until nothing waits to be prepared, and what was prepared is sent."""
    worker.real._resending._due = 0.0
    worker.until(lambda: not Delivery.objects.filter(status="queued").exists(), "they are prepared")
    worker.until(lambda: not Delivery.objects.filter(status="waiting").exists(), "they are sent")
    worker.work_off()


def url(destination: Destination, end: str = "") -> str:
    return f"{BASE}/{destination.pk}/delivery/undelivered{end}"


def test_one_some_and_all(
    worker: Driven, destination: Destination, receiver: Receiver, source: Source, as_alice: Client
) -> None:
    fail(worker, source, receiver, "m-1", "m-2", "m-3", "m-4")
    fail(worker, source, receiver, "g-1", status=410)
    assert outcomes(destination) == {"errors.discarded.401": 4, "errors.discarded.410": 1}
    chosen = Delivery.objects.get(message_id="m-2").pk
    as_alice.post(url(destination, "/send"), {"which": "chosen", "id": [chosen, "nonsense"]})
    assert outcomes(destination) == {"errors.discarded.401": 3, "errors.discarded.410": 1}
    work(worker)
    assert [got.message_id for got in receiver.got] == ["m-2"]
    as_alice.post(url(destination, "/send"), {"which": "reason", "reason": "errors.discarded.410"})
    work(worker)
    assert [got.message_id for got in receiver.got] == ["m-2", "g-1"]
    page = as_alice.post(url(destination, "/send"), {"which": "all"}, follow=True).content.decode()
    assert "3 events are sent again" in page
    work(worker)
    assert sorted(got.message_id for got in receiver.got) == ["g-1", "m-1", "m-2", "m-3", "m-4"]
    assert {key: count for key, count in outcomes(destination).items() if count} == {"retried": 5}
    assert groups(destination) == []
    rows = AuditRow.objects.filter(event_type="Deliveries Retried").order_by("id")
    assert [(row.actor_label, row.details) for row in rows] == [
        ("alice@example.com", {"events": 1, "reason": "chosen"}),
        ("alice@example.com", {"events": 1, "reason": "errors.discarded.410"}),
        ("alice@example.com", {"events": 3, "reason": "all"}),
    ]


def test_what_was_prepared_before_never_leaves(
    worker: Driven, destination: Destination, receiver: Receiver, source: Source, alice: User
) -> None:
    """A field that was chosen after the event was refused is encrypted, under the key in force now."""
    fail(worker, source, receiver, "m-1")
    encrypt_for(destination, "email")
    assert send_again(destination, actor=alice) == 1
    assert bytes(Delivery.objects.get().sealed_body) == b""
    work(worker)
    (got,) = receiver.got
    assert MAIL.encode() not in got.body
    assert opened(got.json["properties"]["email"]) == MAIL
    assert got.header("X-Encryption-Key-Fingerprint") == FINGERPRINT
    assert PublicKey.objects.get().encrypted_events == 1


def test_held_events_are_sent_once_they_can_be_encrypted(
    worker: Driven, destination: Destination, receiver: Receiver, source: Source, alice: User
) -> None:
    encrypt_for(destination, "email")
    good = PublicKey.objects.get().pem
    PublicKey.objects.update(pem="broken")
    append_events(source, track("m-1", properties={"email": MAIL}))
    worker.work_off()
    assert outcomes(destination) == {"FAILED_DATA_ENCRYPTION": 1}
    send_again(destination, actor=alice)
    worker.real._resending._due = 0.0
    worker.until(lambda: Delivery.objects.get().status == "held", "it is held again")
    assert (outcomes(destination), receiver.got) == ({"FAILED_DATA_ENCRYPTION": 1}, [])
    PublicKey.objects.update(pem=good)
    Destination.objects.update(revision=50)
    send_again(destination, actor=alice)
    work(worker)
    assert opened(receiver.got[0].json["properties"]["email"]) == MAIL
    assert {key: count for key, count in outcomes(destination).items() if count} == {"delivered": 1}


def test_an_event_that_fails_again_is_undelivered_again(
    worker: Driven, destination: Destination, receiver: Receiver, source: Source, alice: User
) -> None:
    fail(worker, source, receiver, "m-1")
    receiver.answer = lambda got: Answer(403)
    send_again(destination, actor=alice)
    work(worker)
    row = Delivery.objects.get()
    assert (row.status, row.reason, row.attempts) == ("dead", "errors.discarded.403", 2)
    assert {key: count for key, count in outcomes(destination).items() if count} == {"errors.discarded.403": 1}


def test_a_notice_of_deletion_is_not_asked_for_again(
    worker: Driven, destination: Destination, receiver: Receiver, source: Source, alice: User, as_alice: Client
) -> None:
    """It came from no event: the log has nothing that could be sent, and the request to delete has ended."""
    fail(worker, source, receiver, "m-1")
    Delivery.objects.update(event_type="delete", log_position=0)
    assert "Send m-1 again" not in page_of(as_alice, destination, "delivery/undelivered")
    assert send_again(destination, actor=alice) == 0
    assert (Delivery.objects.get().status, "Deliveries Retried" in event_types()) == ("dead", False)


def test_what_used_up_its_tries_gets_nine_more(
    worker: Driven, destination: Destination, receiver: Receiver, source: Source, alice: User
) -> None:
    fail(worker, source, receiver, "m-1")
    Delivery.objects.update(attempts=9, reason="errors.awaiting-retry.5xx")
    send_again(destination, actor=alice)
    receiver.answer = lambda got: Answer(503)
    worker.real._resending._due = 0.0
    waits = []
    for number in range(10, 19):
        worker.until(lambda number=number: Delivery.objects.get().attempts == number, "it is tried")
        worker.work_off()
        row = Delivery.objects.get()
        waits.append(row.next_try_at)
        make_due()
    assert [got.header("X-Retry-Count") for got in receiver.got] == [str(number) for number in range(9, 18)]
    assert [row.status, None in waits[:-1], waits[-1]] == ["dead", False, None]
    assert waits[0] is not None
    assert (waits[0] - timezone.now()).total_seconds() < FIRST_CAP


def test_an_event_that_is_gone_ends(
    worker: Driven, destination: Destination, receiver: Receiver, source: Source, alice: User, as_alice: Client
) -> None:
    fail(worker, source, receiver, "m-1")
    log = open_reader()
    log.trim(0, up_to=10, older_than=int(timezone.now().timestamp() * 1e6) + 1)
    log.close()
    send_again(destination, actor=alice)
    worker.real._resending._due = 0.0
    worker.until(lambda: Delivery.objects.get().status == "dead", "it has ended")
    assert Delivery.objects.get().reason == "EVENT_EXPIRED"
    assert {key: count for key, count in outcomes(destination).items() if count} == {"EVENT_EXPIRED": 1}
    assert send_again(destination, actor=alice) == 0
    page = as_alice.post(url(destination, "/send"), {"which": "all"}, follow=True).content.decode()
    assert "Nothing was chosen that can be sent again." in page
    assert receiver.got == []


def test_a_disabled_destination_is_refused(
    worker: Driven, destination: Destination, receiver: Receiver, source: Source, alice: User, as_alice: Client
) -> None:
    fail(worker, source, receiver, "m-1")
    Destination.objects.update(enabled=False)
    with pytest.raises(ValidationError, match="Enable the destination"):
        send_again(destination, actor=alice)
    before = event_types()
    assert DISABLED in as_alice.post(url(destination, "/send"), {"which": "all"}, follow=True).content.decode()
    assert [each for each in event_types()[len(before) :] if each != "Undelivered Events Viewed"] == []
    assert Delivery.objects.get().status == "dead"


@pytest.mark.parametrize("model", [Destination, Source])
def test_the_page_says_first_that_a_disabled_one_gets_nothing(
    worker: Driven,
    destination: Destination,
    receiver: Receiver,
    source: Source,
    as_alice: Client,
    model: type[Destination | Source],
) -> None:
    fail(worker, source, receiver, "m-1")
    assert DISABLED not in as_alice.get(url(destination)).content.decode()
    model._default_manager.update(enabled=False)
    page = as_alice.get(url(destination)).content.decode()
    assert page.count(DISABLED) == 1
    assert ("m-1" in page, "Send all again" in page, "Send chosen again" in page, 'name="id"' in page) == (
        (True, False, False, False)
    )


def test_readers_cannot_send(destination: Destination, bob: User, own_log: None) -> None:
    row = Delivery.objects.create(
        workspace=destination.workspace, destination=destination, message_id="m", event_type="track", status="dead",
        received_at=timezone.now(), log_partition=0, log_position=1, log_place=0, reason="errors.discarded.401",
    )  # fmt: skip
    with pytest.raises(PermissionDenied):
        send_again(destination, actor=bob)
    row.refresh_from_db()
    assert row.status == "dead"
    assert "Deliveries Retried" not in event_types()


def test_anothers_events_are_left_alone(
    worker: Driven, destination: Destination, another: Receiver, receiver: Receiver, source: Source, alice: User
) -> None:
    from tests.destinations.factories import DestinationFactory

    other = DestinationFactory(source=source, url=another.url)
    another.answer = lambda got: Answer(401)
    fail(worker, source, receiver, "m-1")
    ids = list(Delivery.objects.values_list("pk", flat=True))
    assert (len(ids), send_again(destination, actor=alice, ids=ids)) == (2, 1)
    assert Delivery.objects.get(destination=other).status == "dead"


def test_the_page_lists_reasons_and_events(
    worker: Driven, destination: Destination, receiver: Receiver, source: Source, as_alice: Client, client: Client,
    bob: User,
) -> None:  # fmt: skip
    fail(worker, source, receiver, "m-1", "m-2")
    page = page_of(as_alice, destination, "delivery/undelivered")
    assert "Send all again" in page
    assert sorted(row[1:4] for row in rows_of(page, "Undelivered events")) == [
        ["m-1", "track", "Dead letter"],
        ["m-2", "track", "Dead letter"],
    ]
    assert "401 Unauthorized" in page
    client.force_login(bob)
    page = page_of(client, destination, "delivery/undelivered")
    assert "Send" not in page.split("<main")[1].replace("Sent again", "")
    assert MAIL not in page


def test_a_worker_that_is_killed_loses_nothing(
    worker: Driven, destination: Destination, receiver: Receiver, source: Source, alice: User
) -> None:
    fail(worker, source, receiver, "m-1")
    send_again(destination, actor=alice)
    worker.close()
    second = Driven()
    try:
        work(second)
    finally:
        second.close()
    assert [got.message_id for got in receiver.got] == ["m-1"]


def test_old_ones_can_be_sent_again(tmp_path: Path, destination: Destination, alice: User, settings: Any) -> None:
    """An event's hour, not today's, loses the count."""
    from destinations.models import DeliveryCount

    at = timezone.now() - timedelta(hours=30)
    hour = at.replace(minute=0, second=0, microsecond=0)
    DeliveryCount.objects.create(destination=destination, hour=hour, event_type="track", outcome="x", count=2)
    Delivery.objects.create(
        workspace=destination.workspace, destination=destination, message_id="m", event_type="track", status="dead",
        received_at=at, log_partition=0, log_position=1, log_place=0, reason="x",
    )  # fmt: skip
    assert send_again(destination, actor=alice) == 1
    assert DeliveryCount.objects.get().count == 1
