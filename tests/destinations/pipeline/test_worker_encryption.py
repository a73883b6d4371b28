"""A field chosen for encryption never leaves in clear and rests nowhere in clear, whatever goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection

from destinations.encryption.keys import fingerprint, generate_key_pair
from destinations.models import Attempt, Delivery, Destination, PublicKey
from tests.destinations.factories import FINGERPRINT, PAIR, append_events, encrypt_for, opened, track
from tests.destinations.pipeline.driving import Driven, body_of, came_in, delivery, make_due, outcomes, tries
from tests.destinations.receivers import Receiver
from workspaces.models import Source

PLAIN = "jo.patient@example.com"
HELD = "FAILED_DATA_ENCRYPTION"


@pytest.fixture(autouse=True)
def encrypted(destination: Destination) -> Destination:
    """The destination encrypts e-mail addresses."""
    return encrypt_for(destination, "email")


def whole_database() -> bytes:
    """Every value of every table, sealed ones as they are."""
    found: list[bytes] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            found += (in_bytes(value) for row in cursor.fetchall() for value in row)
    return b"\n".join(found)


def in_bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode(errors="replace")


def test_an_event_that_cannot_be_encrypted_is_held_and_the_others_go(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    bad = track("bad", properties={"email": f"{PLAIN}\ud800", "clinic": "North"})
    append_events(source, track("a", properties={"email": PLAIN}), bad, track("b"))
    worker.work_off()
    assert sorted(receiver.message_ids) == ["a", "b"]
    row = delivery()
    assert (row.message_id, row.status, row.reason, row.attempts) == ("bad", "held", HELD, 0)
    assert (row.next_try_at, row.first_tried_at, bytes(row.sealed_body)) == (None, None, b"")
    assert outcomes(destination) == {"delivered": 2, HELD: 1}
    assert came_in(source) == {"received": 3}


def test_what_is_held_is_not_retried(worker: Driven, source: Source, receiver: Receiver) -> None:
    append_events(source, track("bad", properties={"email": "\ud800"}))
    worker.work_off()
    assert make_due() == 0
    worker.turns()
    assert (receiver.connections, delivery().status, Attempt.objects.count()) == (0, "held", 0)


def test_with_a_key_that_cannot_be_used_everything_is_held_until_it_can(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    PublicKey.objects.update(pem="no key")
    append_events(source, track("a", properties={"email": PLAIN}), track("b"))
    worker.work_off()
    assert (receiver.connections, outcomes(destination)) == (0, {HELD: 2})
    PublicKey.objects.update(pem=PAIR.public_pem)
    Destination.objects.update(revision=9)
    append_events(source, track("c", properties={"email": PLAIN}))
    worker.work_off()
    assert receiver.message_ids == ["c"]
    assert opened(receiver.events[0]["properties"]["email"]) == PLAIN
    assert PLAIN not in caplog.text


@pytest.mark.parametrize("status", [200, 400, 500])
def test_the_plaintext_rests_nowhere(
    worker: Driven, source: Source, receiver: Receiver, tmp_path: Path, status: int
) -> None:
    receiver.says(status)
    append_events(source, track("a", properties={"email": PLAIN}), track("b", properties={"email": f"{PLAIN}\ud800"}))
    worker.work_off()
    assert len(receiver.got) == 1
    assert PLAIN.encode() not in receiver.bodies[0]
    assert PLAIN.encode() not in whole_database()
    assert [path for path in tmp_path.rglob("*") if path.is_file() and PLAIN.encode() in path.read_bytes()] == []


def test_what_waits_is_sealed_as_a_whole(worker: Driven, source: Source, receiver: Receiver) -> None:
    receiver.says(500)
    append_events(source, track("a", properties={"clinic": "Cl1nic North", "email": PLAIN}))
    worker.work_off()
    assert b"Cl1nic North" in body_of(delivery())
    assert b"Cl1nic North" not in whole_database()


def test_a_retry_keeps_the_key_it_was_encrypted_with(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver
) -> None:
    receiver.says(500, 200)
    append_events(source, track("old", properties={"email": PLAIN}))
    worker.until(Delivery.objects.exists, "the first try has failed")
    next_pair = generate_key_pair(2048)
    PublicKey.objects.update(pem=next_pair.public_pem, fingerprint=fingerprint(next_pair.public_pem))
    Destination.objects.update(revision=9)
    append_events(source, track("new", properties={"email": PLAIN}))
    make_due()
    worker.until(lambda: len(tries(destination)) == 3, "both have been sent")
    sent = {got.message_id: got for got in receiver.got}
    assert sent["old"].header("X-Encryption-Key-Fingerprint") == FINGERPRINT
    assert sent["new"].header("X-Encryption-Key-Fingerprint") == fingerprint(next_pair.public_pem)
    assert opened(sent["old"].json["properties"]["email"]) == PLAIN
