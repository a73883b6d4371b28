"""analytics.js when it is told to wait, when an answer is lost, when its key is wrong, when its clock is."""

from __future__ import annotations

import pytest

from tests.ingest import Ingest
from tests.sdks.arrival import dates, now
from tests.sdks.scenario import IN_BROWSER, TRACK
from tests.sdks.traffic import LOST, Traffic
from tests.sdks.website import Visitor, batching, only_addressed
from tests.servers import wait_until
from tests.workspaces.entries import messages_of
from workspaces.event_log.duplicates import first_seen

CALL = IN_BROWSER[1]
# A batch of two is sent at once; what is refused of it waits for the timer that the first of the two has set.
DELIVERIES = {"one by one": ({}, [CALL]), "batching": (batching(size=2, timeout=2000), [CALL] * 2)}


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_what_was_refused_is_sent_again_until_it_is_taken(
    visitor: Visitor, ingest: Ingest, traffic: Traffic, delivery: str
) -> None:
    options, calls = DELIVERIES[delivery]
    traffic.restart(("429", 1), ("503", 1))
    visitor.load(only_addressed(ingest), options)
    visitor.call(*calls)
    wait_until(lambda: len(ingest.events()) == len(calls), "everything arrives")
    assert traffic.statuses() == [429, 503, 200]
    assert "x_retry_count" in traffic.requests()[-1].headers  # so the preflight allowed it
    assert [event["event"] for event in ingest.events()] == [TRACK["event"]] * len(calls)


def test_retry_after_can_be_read_from_another_origin(visitor: Visitor, ingest: Ingest, traffic: Traffic) -> None:
    traffic.restart(("429", 2))
    visitor.load(only_addressed(ingest))
    visitor.call(CALL)
    wait_until(lambda: len(ingest.events()) == 1, "it is sent again")
    refused, taken = traffic.requests()
    assert taken.moment - refused.moment > 1.9  # by itself it waits for 0.6 s at most


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_what_is_sent_again_because_its_answer_was_lost_counts_once(
    visitor: Visitor, ingest: Ingest, traffic: Traffic, delivery: str
) -> None:
    options, calls = DELIVERIES[delivery]
    traffic.restart(LOST)
    visitor.load(only_addressed(ingest), options)
    visitor.call(*calls)
    wait_until(lambda: len(ingest.stored()) == 2, "it is sent again")
    before, again = ingest.stored()
    assert [event["messageId"] for _, event in before.events] == [event["messageId"] for _, event in again.events]
    assert len(first_seen(messages_of(before))) == len(calls)
    assert first_seen(messages_of(again)) == set()


def test_a_wrong_key_is_final_where_keys_are_strict(visitor: Visitor, ingest: Ingest, traffic: Traffic) -> None:
    ingest.source.workspace.strict_write_keys = True
    ingest.source.workspace.save(update_fields=["strict_write_keys"])
    key, host = "never-issued", f"127.0.0.1:{ingest.server.port}/v1"
    settings = {"writeKey": key, "cdnSettings": {"integrations": {"Segment.io": {"apiKey": key}}}}
    visitor.load(settings, {"integrations": {"Segment.io": {"apiHost": host, "protocol": "http"}}})
    assert visitor.call(CALL)[0]["failed"]
    assert traffic.statuses() == [401]
    assert ingest.stored() == []


def test_a_visitors_wrong_clock_is_corrected(visitor: Visitor, ingest: Ingest, traffic: Traffic) -> None:
    began = now()
    visitor.page.clock.set_system_time("2020-02-03T04:05:06Z")
    visitor.load(only_addressed(ingest))
    visitor.call(CALL)
    (event,) = ingest.events()
    original, sent, received, timestamp = dates(event)
    assert (original.year, sent.year) == (2020, 2020)
    assert began <= timestamp <= received
