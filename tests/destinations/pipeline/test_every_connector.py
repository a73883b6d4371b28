"""Each connector, each way a receiver can answer: what is recorded, when it is tried next, what the admin reads."""

from __future__ import annotations

import dataclasses
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.test import Client

from destinations.catalog.registry import CONNECTORS, sent_kinds
from destinations.catalog.slack import Slack
from destinations.delivery.backoff import FIRST_CAP
from destinations.models import Attempt, Delivery, Destination
from destinations.pipeline import parcels, sending
from tests.destinations.factories import append_events, track
from tests.destinations.making import BASE
from tests.destinations.pipeline.driving import Driven, make_due, outcomes, tries, wait_of
from tests.destinations.pipeline.kinds import conforming, of_kind, settings_for
from tests.destinations.receivers import Answer, Authority, Got, Receiver, receiving
from tests.destinations.test_destination_pages import page_of, rows_of
from workspaces.models import Source

KINDS = sorted(sent_kinds())
NAMES = ["m-0", "m-1", "m-2"]
WAITING, DISCARDED = "errors.awaiting-retry", "errors.discarded"


@dataclass(frozen=True, slots=True)
class Case:
    """A receiver's answer to everything, and what must come of it."""

    answer: Answer | None  # None: nothing is answered
    status: int | None
    code: str  # empty: delivered
    asked: float = 0.0  # seconds the receiver asked for
    title: str = ""
    sentence: str = ""

    @property
    def is_final(self) -> bool:
        return self.code.startswith(DISCARDED)


CASES = {
    "success": Case(Answer(200), 200, ""),  # with what the kind's own tests say of its success
    "400": Case(
        Answer(400), 400, f"{DISCARDED}.400", 0, "400 Bad Request", "The destination found the request malformed."
    ),
    "401": Case(
        Answer(401),
        401,
        f"{DISCARDED}.401",
        0,
        "401 Unauthorized",
        "The destination did not accept the credentials in its settings.",
    ),
    "429": Case(
        Answer(429, {"Retry-After": "120"}),
        429,
        f"{WAITING}.429",
        120,
        "429 Too Many Requests",
        "The destination asked us to send more slowly.",
    ),
    "5xx": Case(
        Answer(503), 503, f"{WAITING}.5xx", 0, "5xx Server error", "The destination reported an error of its own."
    ),
    "timeout": Case(
        None, None, f"{WAITING}.ETIMEDOUT", 0, "Timed out", "The destination did not answer within its time limit."
    ),
    "broken TLS": Case(
        Answer(200),
        None,
        f"{WAITING}.TLS_FAILED",
        0,
        "TLS failed",
        "No secure connection could be made: the destination's certificate or TLS version was not accepted.",
    ),
}


@pytest.fixture(autouse=True)
def only_first_tries(own_log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is tried again unless the test asks for it, and nobody is paced, however slow the machine is."""
    monkeypatch.setattr(sending, "RETRIES_EVERY", 3600.0)
    monkeypatch.setattr(Slack, "entry", dataclasses.replace(Slack.entry, pace=0.0))


def host_of(receiver: Receiver) -> str:
    return receiver.url.removesuffix("/hook")


def deliver(worker: Driven, source: Source, destination: Destination) -> None:
    """Three events, each tried once."""
    append_events(source, *(track(name) for name in NAMES))
    worker.work_off()
    if destination.kind == "s3":
        send_what_waits(worker)
    worker.until(lambda: Attempt.objects.count() == len(NAMES), "each is tried")


def send_what_waits(worker: Driven) -> None:
    make_due()
    worker.real._sender._claim_at = 0.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CASES)
def test_what_comes_of_an_answer(
    worker: Driven,
    source: Source,
    as_alice: Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    name: str,
) -> None:
    case = CASES[name]
    limit = 0.2 if case.answer is None else 20.0
    monkeypatch.setattr(
        sending, "request_of", lambda parcel: msgspec.structs.replace(parcels.request_of(parcel), timeout=limit)
    )
    tls = Authority(tmp_path).server() if name == "broken TLS" else None
    with receiving(tls=tls) as receiver:
        if case.answer is None:
            receiver.hold()
        else:
            receiver.says(case.answer if case.code else conforming(kind).success)
        destination = of_kind(kind, source, **settings_for(kind, host_of(receiver)))
        deliver(worker, source, destination)
        assert tries(destination) == [(each, 1, case.status, case.code) for each in NAMES]
        assert outcomes(destination) == ({case.code or "delivered": 3} if case.is_final or not case.code else {})
        assert (receiver.got == []) is (name == "broken TLS")
        _assert_rows(destination, case)
        _assert_admin_reads(as_alice, destination, case)


def _assert_rows(destination: Destination, case: Case) -> None:
    rows = list(Delivery.objects.filter(destination=destination).exclude(status="delivered"))
    if not case.code:
        assert rows == []
        return
    stands = ("dead" if case.is_final else "waiting", case.code, 1)
    assert [(row.status, row.reason, row.attempts) for row in rows] == [stands] * 3
    for row in rows:
        if case.is_final:
            assert row.next_try_at is None
        else:
            assert case.asked - 20 < wait_of(row) <= case.asked + FIRST_CAP
    if CONNECTORS[destination.kind].batching is not None and not case.is_final:
        assert len({row.next_try_at for row in rows}) == 1, "what shared a request shares the next one"


def _assert_admin_reads(client: Client, destination: Destination, case: Case) -> None:
    page = page_of(client, destination)
    answers = [row[3] for row in rows_of(page, "Recent deliveries")]
    assert answers == [f"{case.status or 'No answer'} {case.code}".strip()] * 3
    issues = rows_of(page, "Issues by reason")
    if not case.code:
        assert issues == []
        return
    (issue,) = issues
    assert issue[:3] == [case.title, "3", "3 given up" if case.is_final else "3 being retried"]
    sheet = client.get(f"{BASE}/{destination.pk}/delivery/issue?period=day&reason={case.code}").content.decode()
    assert case.sentence.replace("'", "&#x27;") in sheet
    listed = rows_of(page_of(client, destination, "delivery/undelivered"), "Reasons")
    assert [(row[0].startswith(case.title), row[1]) for row in listed] == ([(True, "3")] if case.is_final else [])


def naming(kind: str, got: Got) -> Answer:
    """What each kind's receiver says where `m-1` alone is not to its liking."""
    body = gzip.decompress(got.body) if kind == "s3" else got.body
    if b"m-1" not in body:
        return Answer(200)
    said: dict[str, Any] = {"code": 400}
    if kind == "amplitude":
        said["events_with_invalid_fields"] = {"time": [_place(got.json["events"])]}
    if kind == "mixpanel":
        said["failed_records"] = [{"index": _place(got.json), "field": "properties.time"}]
    return Answer(400, body=json.dumps(said).encode())


def _place(events: list[Any]) -> int:
    return next(place for place, event in enumerate(events) if "m-1" in json.dumps(event))


@pytest.mark.parametrize(
    ("kind", "code", "requests"),
    [
        ("webhooks", f"{DISCARDED}.400", 3),
        ("slack", f"{DISCARDED}.400", 3),
        ("segment", f"{DISCARDED}.400", 5),  # halved until it is alone: three, one and two, one and one
        ("amplitude", f"{DISCARDED}.MESSAGE_REJECTED", 2),  # documented: the others were refused with it
        ("mixpanel", f"{DISCARDED}.MESSAGE_REJECTED", 1),  # documented: the others are in
    ],
)
def test_one_event_at_fault_takes_no_other_with_it(
    worker: Driven, source: Source, receiver: Receiver, as_alice: Client, kind: str, code: str, requests: int
) -> None:
    receiver.answer = lambda got: naming(kind, got)
    settings = settings_for(kind, host_of(receiver))
    destination = of_kind(kind, source, **({**settings, "text": "{{messageId}}"} if kind == "slack" else settings))
    deliver(worker, source, destination)
    send_what_waits(worker)
    worker.until(lambda: sum(outcomes(destination).values()) == 3, "each has come to its end")
    delivered = {"delivered": 2} if kind != "amplitude" else {"retried": 2}
    assert outcomes(destination) == {code: 1, **delivered}
    dead = Delivery.objects.get(status="dead")
    assert (dead.message_id, dead.reason, dead.attempts, dead.next_try_at) == ("m-1", code, 1, None)
    assert len(receiver.got) == requests
    (issue,) = rows_of(page_of(as_alice, destination), "Issues by reason")
    assert issue[1:3] == ["1", "1 given up"]


def test_an_object_is_written_whole_or_not_at_all(worker: Driven, source: Source, receiver: Receiver) -> None:
    receiver.says(500, 200)
    destination = of_kind("s3", source, **settings_for("s3", host_of(receiver)))
    deliver(worker, source, destination)
    send_what_waits(worker)
    worker.until(lambda: outcomes(destination) == {"retried": 3}, "all are written")
    first, second = receiver.got
    assert (first.path, first.body) == (second.path, second.body), "the same object once more"
