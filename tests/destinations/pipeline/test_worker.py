"""The way of an event through the real worker to real receivers, and the exact record it leaves."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from destinations import connections
from destinations.delivery import ledger
from destinations.models import Attempt, Delivery, DeliveryCount, Destination
from tests.destinations.factories import (
    FINGERPRINT,
    DestinationFactory,
    append,
    append_events,
    encrypt_for,
    log_entry,
    opened,
    track,
)
from tests.destinations.pipeline.driving import Driven, came_in, outcomes, tries
from tests.destinations.receivers import Receiver
from tests.factories import SourceFactory
from workspaces.event_log import open_reader, open_writer
from workspaces.models import EventCount, Source, User

RECEIVED = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
HOUR = datetime(2024, 1, 2, 3, tzinfo=UTC)


def test_an_event_arrives_once_as_it_was_sent(
    worker: Driven, source: Source, destination: Destination, receiver
) -> None:
    append_events(source, track("m-1", properties={"clinic": "Nörd"}), received=RECEIVED)
    worker.work_off()
    (got,) = receiver.got
    assert track("m-1", properties={"clinic": "Nörd"}).items() <= got.json.items()
    assert (got.method, got.header("Content-Type"), got.message_id) == ("POST", "application/json", "m-1")
    assert (got.header("X-Retry-Count"), got.header("User-Agent")) == ("0", "Customer-Data-Pipeline/1.0")


def test_signatures_verify_over_the_exact_body(worker: Driven, source: Source, destination, receiver: Receiver) -> None:
    append_events(source, track("m-1", properties={"note": "ü/\u2028"}))
    worker.work_off()
    (got,) = receiver.got
    key = "sécret".encode()
    assert got.header("X-Signature") == hmac.new(key, got.body, hashlib.sha1).hexdigest()
    assert got.header("X-Signature-SHA256") == "sha256=" + hmac.new(key, got.body, hashlib.sha256).hexdigest()


def test_every_try_is_on_record_without_payload(worker: Driven, source: Source, destination: Destination) -> None:
    before = timezone.now()
    append_events(source, track("m-1"), received=RECEIVED)
    worker.work_off()
    row = Attempt.objects.get()
    assert (row.destination, row.message_id, row.event_type, row.number) == (destination, "m-1", "track", 1)
    assert (row.received_at, row.status_code, row.code, row.key_fingerprint) == (RECEIVED, 200, "", "")
    assert before <= row.tried_at + timedelta(milliseconds=1) <= timezone.now()
    assert not Delivery.objects.exists()


def test_counts_are_exact_by_hour_type_and_outcome(worker: Driven, source: Source, destination: Destination) -> None:
    events = [track("a"), track("b"), {**track("c"), "type": "page"}, track("a")]
    append_events(source, *events, received=RECEIVED)
    append_events(source, track("d"), received=RECEIVED + timedelta(hours=1))
    worker.work_off()
    assert set(EventCount.objects.values_list("source", "hour", "event_type", "outcome", "count")) == {
        (source.pk, HOUR, "track", "received", 2),
        (source.pk, HOUR, "page", "received", 1),
        (source.pk, HOUR, "track", "duplicate", 1),
        (source.pk, HOUR + timedelta(hours=1), "track", "received", 1),
    }
    assert set(DeliveryCount.objects.values_list("destination", "hour", "event_type", "outcome", "count")) == {
        (destination.pk, HOUR, "track", "delivered", 2),
        (destination.pk, HOUR, "page", "delivered", 1),
        (destination.pk, HOUR + timedelta(hours=1), "track", "delivered", 1),
    }


def test_every_destination_of_the_source_gets_every_event(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, another: Receiver
) -> None:
    second = DestinationFactory(source=source, url=another.url)
    elsewhere = DestinationFactory(source=SourceFactory(workspace=source.workspace), url=another.url)
    names = [f"m{number:03}" for number in range(120)]
    for first in range(0, 120, 40):
        append_events(source, *(track(name) for name in names[first : first + 40]))
    worker.work_off()
    assert sorted(receiver.message_ids) == sorted(another.message_ids) == names
    for each in (destination, second):
        assert tries(each) == [(name, 1, 200, "") for name in names]
        assert outcomes(each) == {"delivered": 120}
    assert (tries(elsewhere), outcomes(elsewhere)) == ([], {})


def test_positions_are_saved_with_the_results(worker: Driven, source: Source, destination: Destination) -> None:
    append(*(log_entry(source, track(f"m{number}")) for number in range(3)))
    worker.work_off()
    log = open_reader()
    ends = {number: log.read(number, after=0, limit=99)[-1].position for number in log.partitions()}
    log.close()
    assert ends == {0: 3}
    assert ledger.saved_position(0) == 3


def test_a_worker_goes_on_where_the_one_before_ended(
    source: Source, destination: Destination, receiver: Receiver
) -> None:
    for name in ("a", "b"):
        append_events(source, track(name))
        one = Driven()
        one.work_off()
        one.close()
    assert receiver.message_ids == ["a", "b"]


def test_several_partitions_are_read(worker: Driven, source: Source, destination, receiver: Receiver) -> None:
    writers = [open_writer() for _ in range(3)]
    for number, writer in enumerate(writers):
        writer.append(log_entry(source, track(f"m{number}")))
    worker.work_off()
    for writer in writers:
        writer.close()
    assert sorted(receiver.message_ids) == ["m0", "m1", "m2"]
    assert [ledger.saved_position(number) for number in range(3)] == [1, 1, 1]


def test_a_repeated_message_id_is_delivered_once(worker: Driven, source, destination, receiver: Receiver) -> None:
    append_events(source, track("a"), track("a"))
    worker.work_off()
    append_events(source, track("a"), track("b"))
    worker.work_off()
    assert receiver.message_ids == ["a", "b"]
    assert came_in(source) == {"received": 2, "duplicate": 2}
    assert outcomes(destination) == {"delivered": 2}


def test_two_sources_may_use_one_message_id(worker: Driven, source: Source, destination, receiver, another) -> None:
    other = SourceFactory(workspace=source.workspace)
    DestinationFactory(source=other, url=another.url)
    for each in (source, other):
        append_events(each, track("a"))
    worker.work_off()
    assert (receiver.message_ids, another.message_ids) == (["a"], ["a"])
    assert came_in(source) == came_in(other) == {"received": 1}


def test_events_without_a_message_id_get_one_and_all_arrive(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    entry = append_events(source, {"type": "track", "event": "A"}, {"type": "track", "event": "B"})
    worker.work_off()
    assert sorted(receiver.message_ids) == [f"api-{entry.entry_id.hex}-0", f"api-{entry.entry_id.hex}-1"]
    assert {event["messageId"] for event in receiver.events} == set(receiver.message_ids)


def test_encrypted_fields_open_with_the_private_key(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    encrypt_for(destination, "email", "e-mail address")
    properties = {"email": "jo@example.com", "E-Mail Address": ["a@b.c" * 100], "clinic": "North"}
    append_events(source, track("m-1", properties=properties))
    worker.work_off()
    (got,) = receiver.got
    assert b"@" not in got.body
    sent = got.json["properties"]
    assert (opened(sent["email"]), opened(sent["E-Mail Address"][0])) == ("jo@example.com", "a@b.c" * 100)
    assert sent["clinic"] == "North"
    assert got.header("X-Encryption-Key-Fingerprint") == FINGERPRINT
    assert Attempt.objects.get().key_fingerprint == FINGERPRINT


@pytest.mark.parametrize("off", ["destination", "source"])
def test_what_is_disabled_gets_nothing(worker: Driven, source: Source, destination, receiver, off: str) -> None:
    {"destination": Destination, "source": Source}[off].objects.update(enabled=False)
    append_events(source, track("m-1"))
    worker.work_off()
    assert (receiver.connections, tries(destination), outcomes(destination)) == (0, [], {})
    assert came_in(source) == {"received": 1}


class TestChangesWhileTheWorkerRuns:
    """What was saved before an event came in holds for it: no event slips through in between."""

    @pytest.fixture(autouse=True)
    def busy(self, worker: Driven, source: Source, destination: Destination, receiver: Receiver) -> None:
        self.worker, self.source, self.destination, self.receiver = worker, source, destination, receiver
        append_events(source, track("before", properties={"email": "jo@example.com"}))
        worker.work_off()

    def next_event(self) -> None:
        append_events(self.source, track("after", properties={"email": "jo@example.com"}))
        self.worker.work_off()

    def test_encryption(self) -> None:
        encrypt_for(self.destination, "email")
        self.next_event()
        before, after = self.receiver.events
        assert before["properties"] == {"email": "jo@example.com"}
        assert opened(after["properties"]["email"]) == "jo@example.com"

    def test_a_new_address(self, alice: User, another: Receiver) -> None:
        connections.change_destination(self.destination, actor=alice, name="Hook", settings={"url": another.url})
        self.next_event()
        assert (self.receiver.message_ids, another.message_ids) == (["before"], ["after"])

    def test_a_new_destination(self, another: Receiver) -> None:
        DestinationFactory(source=self.source, url=another.url)
        self.next_event()
        assert (self.receiver.message_ids, another.message_ids) == (["before", "after"], ["after"])

    def test_off_and_on_again(self, alice: User) -> None:
        connections.disable_destination(self.destination, actor=alice)
        self.next_event()
        assert self.receiver.message_ids == ["before"]
        connections.enable_destination(self.destination, actor=alice)
        append_events(self.source, track("later"))
        self.worker.work_off()
        assert self.receiver.message_ids == ["before", "later"]

    def test_deletion(self) -> None:
        self.destination.delete()
        self.next_event()
        assert self.receiver.message_ids == ["before"]
        assert came_in(self.source) == {"received": 2}


def test_a_destination_deleted_while_its_event_is_under_way_leaves_no_rows(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, another: Receiver
) -> None:
    second = DestinationFactory(source=source, url=another.url)
    receiver.hold()
    append_events(source, track("m-1"))
    worker.until(lambda: receiver.got and another.got, "both are under way")
    destination.delete()
    receiver.release()
    worker.work_off()
    assert tries(second) == [("m-1", 1, 200, "")]
    assert (Attempt.objects.count(), DeliveryCount.objects.count(), ledger.saved_position(0)) == (1, 1, 1)


def test_odd_message_ids_arrive_and_are_on_record(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    append_events(source, *(track(name) for name in ("a\0b", "\ud800", "ü\n")))
    worker.work_off()
    assert sorted(event["messageId"] for event in receiver.events) == ["a\0b", "ü\n", "\ud800"]
    assert sorted(receiver.message_ids) == ["%C3%BC%0A", "%ED%A0%80", "a%00b"]
    assert {name for name, *_ in tries(destination)} == {"a\ufffdb", "?", "ü\n"}
