"""Deleting end users: nothing of theirs is left in any store, everybody else's events stay, the report is exact."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from audit.models import AuditRow
from destinations.deletion import sweep as sweeping
from destinations.deletion.finish import finish
from destinations.deletion.sweep import Search, begin
from destinations.models import Delivery, Destination
from destinations.resending.replays import start_replay
from privacy import regulation_files
from privacy.models import ObservedField, Regulation, RegulationStep, Sweep, SweepPart
from privacy.regulations import request_regulation, request_regulations
from tests.destinations.factories import DestinationFactory, append, append_events, log_entry, track
from tests.destinations.pipeline.driving import Driven, body_of, outcomes
from tests.destinations.receivers import Answer, Receiver
from tests.factories import SourceFactory, WorkspaceFactory
from workspaces.event_log import open_reader
from workspaces.event_log.base import Rewritten
from workspaces.models import Source, User, Workspace
from workspaces.sealing import unseal
from workspaces.tracking.accept import IngestRequest, new_entry
from workspaces.tracking.plans import SourcePlan
from workspaces.tracking.sift import sift
from workspaces.tracking.unpack import unpack

Type, Status = Regulation.Type, Regulation.Status


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests need not settle first."""
    monkeypatch.setattr(sweeping, "SETTLING", timedelta(0))


def ask(workspace: Workspace, alice: User, asked: Regulation.Type = Type.DELETE_INTERNAL) -> Regulation:
    return request_regulation(workspace, regulation_type=asked, user_id="gone", actor=alice)


def delete(worker: Driven, *regulations: Regulation) -> None:
    """Let the worker go on until the requests have ended."""

    def ended() -> bool:
        worker.real._deletions._due = 0.0
        open_ones = (Status.INITIALIZED, Status.RUNNING)
        return not Regulation.objects.filter(pk__in=[each.pk for each in regulations], status__in=open_ones).exists()

    worker.until(ended, "the requests have ended")


def stored() -> list[dict[str, Any]]:
    """Every event that can be read from the log."""
    log = open_reader()
    entries = [entry for n in log.partitions() for entry in log.read(n, after=0, limit=10**6)]
    log.close()
    return [event for entry in entries for _, event in unpack(entry).events]


def report(regulation: Regulation) -> dict[str, tuple[str, int]]:
    return {step.place: (step.status, step.removed) for step in regulation.steps.all()}


def their(message_id: str, **fields: Any) -> dict[str, Any]:
    return track(message_id, userId="gone", **fields)


def test_their_events_go_and_the_others_keep_their_places(
    worker: Driven, workspace: Workspace, source: Source, alice: User
) -> None:
    append_events(source, track("a"), their("b"), track("c"))
    append_events(source, their("d"))
    append_events(source, {"type": "alias", "userId": "new", "previousId": "gone", "messageId": "e"}, track("f"))
    worker.work_off()
    regulation = ask(workspace, alice)
    delete(worker, regulation)
    regulation.refresh_from_db()
    assert [event["messageId"] for event in stored()] == ["a", "c", "f"]
    log = open_reader()
    (first, second, third) = log.read(0, after=0, limit=99)
    log.close()
    assert [place for place, _ in unpack(first).events] == [0, 2]
    assert (second.events, unpack(second).discarded) == (0, [("track", "deleted_user")])
    assert (first.events, third.events) == (2, 1)
    assert regulation.status == Status.FINISHED
    assert regulation.completed_at is not None
    assert report(regulation) == {
        "Event log": ("FINISHED", 3),
        "Waiting and undelivered events": ("FINISHED", 0),
        "Samples": ("FINISHED", 0),
    }


def test_old_bytes_are_overwritten_in_the_files(
    worker: Driven, workspace: Workspace, source: Source, alice: User
) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL's vacuum does this")
    entry = log_entry(source, their("a", properties={"note": "x" * 20_000}), track("b"))
    append(entry)
    worker.work_off()
    probe = entry.body[-400:-100]

    def holding() -> list[Path]:
        return [path for path in settings.EVENT_LOG_DIR.iterdir() if probe in path.read_bytes()]

    assert holding()
    delete(worker, ask(workspace, alice))
    assert holding() == []


def test_what_waits_or_could_not_be_delivered_is_not_sent_and_keeps_no_body(
    worker: Driven, workspace: Workspace, source: Source, destination: Destination, receiver: Receiver, alice: User
) -> None:
    receiver.answer = lambda got: Answer(500, body=got.body)  # which tells of the user, too
    append_events(source, their("waits"), track("stays"))
    worker.until(lambda: Delivery.objects.count() == 2, "both wait")
    delete(worker, regulation := ask(workspace, alice))
    row = Delivery.objects.get(message_id="waits")
    ended = (row.status, row.reason, row.next_try_at, bytes(row.sealed_body), bytes(row.sealed_answer))
    assert ended == ("dead", "DELETED_BY_REGULATION", None, b"", b"")
    assert bytes(Delivery.objects.get(message_id="stays").sealed_answer)
    assert b"stays" in body_of(Delivery.objects.get(message_id="stays"))
    assert outcomes(destination) == {"DELETED_BY_REGULATION": 1}
    assert report(regulation)["Waiting and undelivered events"] == ("FINISHED", 1)


def test_samples_of_theirs_go_and_a_field_gets_another(
    worker: Driven, workspace: Workspace, source: Source, alice: User
) -> None:
    append_events(source, their("a", properties={"plan": "canary-91"}))
    worker.work_off()
    delete(worker, regulation := ask(workspace, alice))
    row = ObservedField.objects.get(name="plan")
    assert (bytes(row.sealed_sample), row.sample_source, bytes(row.sample_subject)) == (b"", None, b"")
    assert report(regulation)["Samples"] == ("FINISHED", 1)
    append_events(source, track("b", properties={"plan": "gold"}))
    worker.work_off()
    row.refresh_from_db()
    assert b'"userId":"u1"' in unseal(bytes(row.sealed_sample), bound_to=row.pk.bytes)


def test_another_workspace_is_not_touched(worker: Driven, workspace: Workspace, source: Source, alice: User) -> None:
    other = SourceFactory(workspace=WorkspaceFactory(name="Umbrella", slug="umbrella"))
    append_events(other, their("theirs"))
    append_events(source, their("ours"))
    worker.work_off()
    delete(worker, ask(workspace, alice))
    assert [event["messageId"] for event in stored()] == ["theirs"]


def test_many_users_are_found_in_one_sweep(worker: Driven, workspace: Workspace, source: Source, alice: User) -> None:
    append_events(source, *(track(f"m{n}", userId=f"u{n}") for n in range(50)))
    worker.work_off()
    users = [f"u{n}" for n in range(40)]
    upload = request_regulations(workspace, regulation_type=Type.DELETE_INTERNAL, user_ids=users, actor=alice)
    delete(worker, *Regulation.objects.filter(upload=upload))
    assert [event["userId"] for event in stored()] == [f"u{n}" for n in range(40, 50)]
    assert Sweep.objects.count() == 1
    counts = set(RegulationStep.objects.filter(place="Event log").values_list("removed", flat=True))
    assert counts == {1}
    row = AuditRow.objects.get(event_type="End Users Deleted")
    assert row.details == {"regulations": 40, "events": 40, "deliveries": 0, "samples": 0}


def test_a_large_file_is_taken_in_by_the_worker_and_then_deleted(
    worker: Driven, workspace: Workspace, source: Source, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regulation_files, "PART", 2)
    append_events(source, *(track(f"m{n}", userId=f"u{n}") for n in range(6)))
    worker.work_off()
    upload = regulation_files.request_file(
        workspace, regulation_type=Type.DELETE_INTERNAL, user_ids=[f"u{n}" for n in range(5)], actor=alice
    )

    def taken_in() -> bool:
        worker.real._deletions._due = 0.0
        return Regulation.objects.filter(upload=upload).count() == 5

    worker.until(taken_in, "the file is taken in")
    delete(worker, *Regulation.objects.filter(upload=upload))
    assert [event["userId"] for event in stored()] == ["u5"]


def test_a_worker_that_is_killed_goes_on_and_counts_nothing_twice(
    worker: Driven, workspace: Workspace, source: Source, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "CHUNK_EVENTS", 2)
    for n in range(4):
        append_events(source, their(f"gone-{n}"), track(f"m{n}"))
    worker.work_off()
    regulation = ask(workspace, alice)
    log = open_reader()
    sweep = begin(log)
    assert sweep is not None
    assert Search(sweep).advance(log, [0])

    class Killed(BaseException):
        pass

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(type(log), "rewrite", killed)
        with pytest.raises(Killed):
            Search(sweep).advance(log, [0])
    assert (SweepPart.objects.get().position, SweepPart.objects.get().noted) == (1, 2)
    again = Search(sweep)
    while again.advance(log, [0]):
        assert not finish(sweep) or not SweepPart.objects.filter(position__lt=4).exists()
    assert finish(sweep) or Sweep.objects.get().finished_at
    log.close()
    assert report(regulation)["Event log"] == ("FINISHED", 4)
    assert [event["messageId"] for event in stored()] == ["m0", "m1", "m2", "m3"]


def test_it_stays_behind_what_is_settled(worker: Driven, workspace: Workspace, source: Source, alice: User) -> None:
    append_events(source, their("a"))
    regulation = ask(workspace, alice)
    log = open_reader()
    sweep = begin(log)
    assert sweep is not None
    assert not Search(sweep).advance(log, [0])
    assert not finish(sweep)
    log.close()
    delete(worker, regulation)
    assert stored() == []


def test_a_request_settles_before_it_is_searched_for(
    worker: Driven, workspace: Workspace, source: Source, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "SETTLING", timedelta(seconds=10))
    regulation = ask(workspace, alice)
    log = open_reader()
    assert begin(log) is None
    Regulation.objects.filter(pk=regulation.pk).update(requested_at=timezone.now() - timedelta(seconds=11))
    assert begin(log) is not None
    log.close()


def test_destinations_are_told_once_nothing_is_left_to_send(
    worker: Driven, workspace: Workspace, source: Source, destination: Destination, receiver: Receiver, alice: User
) -> None:
    append_events(source, their("a"))
    worker.work_off()
    delete(worker, regulation := ask(workspace, alice, Type.SUPPRESS_WITH_DELETE))
    notice = receiver.got[-1]
    assert set(notice.json) == {"type", "userId", "timestamp"}
    assert (notice.json["type"], notice.json["userId"]) == ("delete", "gone")
    assert notice.header("X-Signature")
    regulation.refresh_from_db()
    assert regulation.status == Status.FINISHED
    step = regulation.steps.get(destination_id=destination.pk)
    assert (step.place, step.source_name, step.status) == (destination.name, source.name, "FINISHED")
    assert not any(bytes(row.sealed_body) for row in Delivery.objects.all())


def test_a_destination_that_refuses_or_is_disabled_makes_it_failed(
    worker: Driven, workspace: Workspace, source: Source, destination: Destination, receiver: Receiver, alice: User
) -> None:
    off = DestinationFactory(source=source, name="Switched off", enabled=False)
    receiver.answer = lambda got: Answer(403, body=got.body)
    worker.work_off()
    delete(worker, regulation := ask(workspace, alice, Type.DELETE_ONLY))
    regulation.refresh_from_db()
    assert regulation.status == Status.FAILED
    told = dict(regulation.steps.exclude(destination_id=None).values_list("place", "detail"))
    assert told == {
        destination.name: "It did not take the notice. The destination no longer permits these requests.",
        off.name: "It is disabled. Enable it and its source, then request again.",
    }
    assert not any(bytes(row.sealed_body) + bytes(row.sealed_answer) for row in Delivery.objects.all())


def test_what_does_not_open_is_reported(worker: Driven, workspace: Workspace, source: Source, alice: User) -> None:
    append_events(source, their("a"))
    worker.work_off()
    log = open_reader()
    log.rewrite(0, [Rewritten(1, 1, b"not sealed")])
    log.close()
    delete(worker, regulation := ask(workspace, alice))
    regulation.refresh_from_db()
    assert regulation.status == Status.PARTIAL_SUCCESS
    step = regulation.steps.get(place="Event log")
    assert step.detail == "1 requests could not be opened and were not searched: a key is missing."


def test_no_batch_that_ingest_takes_stops_the_search(
    worker: Driven, workspace: Workspace, source: Source, alice: User
) -> None:
    """What a date was expected in may hold anything, deeper than can be written again; a write key is public."""
    sent_at = "[" * 300 + "]" * 300
    body = f'{{"sentAt": {sent_at}, "batch": {json.dumps([their("a"), track("b")])}}}'.encode()
    request = IngestRequest("batch", browser=False, body=body, header_key="", ip="")
    append(new_entry(request, sift("batch", body), SourcePlan(source.pk, workspace.pk, enabled=True)))
    worker.work_off()
    delete(worker, regulation := ask(workspace, alice))
    regulation.refresh_from_db()
    assert regulation.status == Status.FINISHED
    assert [event["messageId"] for event in stored()] == ["b"]


def test_a_replays_events_are_ended_and_stand_in_its_numbers_alone(
    worker: Driven, workspace: Workspace, source: Source, destination: Destination, receiver: Receiver, alice: User
) -> None:
    append_events(source, their("a"))
    worker.work_off()
    receiver.answer = lambda _got: Answer(500)
    began = timezone.now() - timedelta(hours=1)
    start_replay(destination, since=began, until=timezone.now(), actor=alice)
    worker.real._resending._due = 0.0
    worker.until(lambda: Delivery.objects.filter(attempts=1).exists(), "its first try has failed")
    delete(worker, ask(workspace, alice))
    row = Delivery.objects.get()
    assert (row.status, row.reason, bytes(row.sealed_body)) == ("dead", "DELETED_BY_REGULATION", b"")
    assert outcomes(destination) == {"delivered": 1}
