"""Clients that are told to wait, or whose answer is lost on the way: nothing is lost, nothing counts twice."""

from __future__ import annotations

from itertools import pairwise

from tests.ingest import Ingest
from tests.sdks.clients import Outcome, Sdk
from tests.sdks.scenario import TRACK
from tests.sdks.traffic import LOST, Traffic
from tests.workspaces.entries import messages_of
from workspaces.event_log.duplicates import first_seen


def test_what_was_refused_is_sent_again_until_it_is_taken(sdk: Sdk, ingest: Ingest, traffic: Traffic) -> None:
    traffic.restart(("429", 1), ("503", 1))
    assert sdk.send(ingest.server.url, ingest.key, [[TRACK]]) == Outcome(delivered=1)
    requests = traffic.requests()
    assert [request.status for request in requests] == [429, 503, 200]
    waits = {before.status: after.moment - before.moment for before, after in pairwise(requests)}
    assert all(waits[status] > 0.9 for status in sdk.heeds)  # Retry-After said 1; by itself none waits as long
    assert [event["event"] for event in ingest.events()] == [TRACK["event"]]


def test_what_is_sent_again_because_its_answer_was_lost_counts_once(sdk: Sdk, ingest: Ingest, traffic: Traffic) -> None:
    traffic.restart(LOST)
    assert sdk.send(ingest.server.url, ingest.key, [[TRACK]]) == Outcome(delivered=1)
    assert traffic.statuses() == [502, 200]
    before, again = ingest.stored()
    ids = [event["messageId"] for unpacked in (before, again) for _, event in unpacked.events]
    assert (len(ids), len(set(ids))) == (2, 1)
    assert first_seen(messages_of(before)) == {(before.entry.entry_id, 0)}
    assert first_seen(messages_of(again)) == set()
