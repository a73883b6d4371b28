"""Red inventory fields and suppressed users at the Tracking API, over real HTTP, and what is on disk afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from audit.models import AuditRow
from privacy.inventory import classify_field
from privacy.models import BlockedCount, Classification, ObservedField, Regulation, StandardControl
from privacy.standard_controls import block_red_fields, stop_blocking
from privacy.subjects import subject_digest
from privacy.suppression import stop_suppressing, suppress
from tests.destinations.pipeline.driving import Driven
from tests.ingest import Ingest
from tests.kept import places_of
from tests.servers import Server, run_server, wait_until
from workspaces.models import Source, User, Workspace
from workspaces.sealing import unseal

CANARY = "canary-7391-4420"


@pytest.fixture(scope="module")
def server(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def ingest(transactional_db: None, server: Server, source: Source) -> Ingest:
    return Ingest(server, source)


def send(ingest: Ingest, message_id: str, user_id: str = "u1", *, ssn: str = CANARY) -> None:
    event = {"userId": user_id, "event": "Visit", "messageId": message_id}
    body = {**event, "properties": {"SSN": ssn, "clinic": "North"}, "context": {"traits": {"ssn": [ssn]}}}
    assert (reply := ingest.post("/v1/track", body)).status == 200
    assert reply.body == b'{"success":true}'


def last(ingest: Ingest) -> Any:
    return ingest.stored()[-1]


def comes_true(ingest: Ingest, check: Callable[[Any], bool]) -> None:
    """Send until a change has taken effect: 5 s at most, and some for a busy machine."""
    numbers = iter(range(10**6))

    def sent() -> bool:
        send(ingest, f"try-{next(numbers)}")
        return check(last(ingest))

    wait_until(sent, "the change takes effect")


def test_blocked_values_are_nowhere_and_the_rest_goes_on(
    ingest: Ingest, workspace: Workspace, source: Source, alice: User
) -> None:
    canary = f"{CANARY}-{source.pk}"  # the event log's files outlive a test: others may have sent the same value
    classify_field(workspace, name="ssn", classification=Classification.RED, actor=alice)
    assert block_red_fields(source, actor=alice)
    send(ingest, "m-1", ssn=canary)
    entry = last(ingest)
    ((_, event),) = entry.events
    assert (event["properties"], event["context"]["traits"]) == ({"clinic": "North"}, {})
    assert (entry.blocked, entry.discarded) == ({"ssn": 2}, [])
    assert canary not in repr(entry)
    with closing(Driven()) as worker:
        worker.work_off()
    hour = BlockedCount.objects.get()
    assert (hour.source, hour.field, hour.count) == (source, "ssn", 2)
    opened = [unseal(bytes(row.sealed_sample), bound_to=row.pk.bytes) for row in ObservedField.objects.all()]
    assert any(b"North" in sample for sample in opened)
    assert not [sample for sample in opened if canary.encode() in sample]
    assert places_of(canary) == set()


def test_a_change_takes_effect_within_seconds_both_ways(
    ingest: Ingest, workspace: Workspace, source: Source, alice: User
) -> None:
    classify_field(workspace, name="ssn", classification=Classification.RED, actor=alice)
    send(ingest, "m-1")
    assert last(ingest).blocked == {}
    block_red_fields(source, actor=alice)
    comes_true(ingest, lambda entry: entry.blocked == {"ssn": 2})
    stop_blocking(source, actor=alice)
    comes_true(ingest, lambda entry: entry.blocked == {})


def test_a_suppressed_users_events_are_answered_as_ever_and_stored_nowhere(
    ingest: Ingest, workspace: Workspace, source: Source
) -> None:
    subject = subject_digest(workspace.pk, "u1")
    suppress(workspace.pk, {subject: "u1"}, Regulation.Type.SUPPRESS_ONLY)
    send(ingest, "m-1")
    entry = last(ingest)
    assert (entry.events, entry.discarded) == ([], [("track", "suppressed_user")])
    send(ingest, "m-2", user_id="u2")
    assert [event["userId"] for _, event in last(ingest).events] == ["u2"]
    assert stop_suppressing(workspace.pk, [subject]) == 1
    comes_true(ingest, lambda entry: bool(entry.events))


def test_switching_is_on_record_once(source: Source, alice: User) -> None:
    assert [block_red_fields(source, actor=alice), block_red_fields(source, actor=alice)] == [True, False]
    assert [stop_blocking(source, actor=alice), stop_blocking(source, actor=alice)] == [True, False]
    assert list(AuditRow.objects.order_by("id").values_list("event_type", "actor_label", "object_label")) == [
        ("Standard Controls Enabled", alice.email, source.name),
        ("Standard Controls Disabled", alice.email, source.name),
    ]


def test_only_owners_may(source: Source, bob: User, charlie: User) -> None:
    with pytest.raises(PermissionDenied):
        block_red_fields(source, actor=bob)
    with pytest.raises(Http404):
        block_red_fields(source, actor=charlie)
    assert not StandardControl.objects.exists()
