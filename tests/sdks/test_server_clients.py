"""Published Python and Node.js clients, unmodified, with only host and write key set."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import time_machine

from tests.ingest import Ingest
from tests.sdks.arrival import assert_corrected, assert_dates, assert_same, assert_taken_at_once, dates, now
from tests.sdks.clients import PACKAGES, RUDDER_PYTHON, SEGMENT_PYTHON, Outcome, Sdk, node
from tests.sdks.scenario import CALLS, TRACK
from tests.sdks.traffic import Traffic
from workspaces.snippets import snippet


def in_order_of_calls(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The old Node.js client has two batches under way at once, of which either may come first."""
    kinds = [call["type"] for call in CALLS]
    return sorted(events, key=lambda event: kinds.index(event["type"]))


def test_every_call_arrives_once_and_unchanged(sdk: Sdk, ingest: Ingest, traffic: Traffic) -> None:
    began = now()
    assert sdk.send(ingest.server.url, ingest.key, [CALLS]) == Outcome(delivered=len(CALLS))
    events = in_order_of_calls(ingest.events())
    assert_same(events, [sdk.event(call) for call in CALLS])
    for event in events:
        assert_dates(event, began)
    assert ingest.discarded() == []
    assert_taken_at_once(traffic, **sdk.headers)


def test_the_callers_own_date_and_id_are_kept(sdk: Sdk, ingest: Ingest, traffic: Traffic) -> None:
    own = {"messageId": "visit 42/ü", "timestamp": "2024-01-02T03:04:05.678Z"}
    assert sdk.send(ingest.server.url, ingest.key, [[{**TRACK, **own}]]).errors == []
    (event,) = ingest.events()
    assert (event["messageId"], event["originalTimestamp"]) == (own["messageId"], own["timestamp"])
    assert_corrected(event)


def test_a_wrong_key_is_final_where_keys_are_strict(sdk: Sdk, ingest: Ingest, traffic: Traffic) -> None:
    ingest.source.workspace.strict_write_keys = True
    ingest.source.workspace.save(update_fields=["strict_write_keys"])
    outcome = sdk.send(ingest.server.url, "never-issued", [[TRACK]])
    assert (outcome.delivered, len(outcome.errors)) == (0, 1)
    assert "401" in outcome.errors[0]
    assert traffic.statuses() == [401]
    assert ingest.stored() == []


@pytest.mark.parametrize("sdk", [SEGMENT_PYTHON, RUDDER_PYTHON], ids=lambda sdk: sdk.name)
def test_a_clients_wrong_clock_is_corrected(sdk: Sdk, ingest: Ingest, traffic: Traffic) -> None:
    began = now()
    with time_machine.travel("2020-02-03 04:05:06Z"):
        assert sdk.send(ingest.server.url, ingest.key, [[TRACK]]).delivered == 1
    (event,) = ingest.events()
    original, sent, received, timestamp = dates(event)
    assert (original.year, sent.year) == (2020, 2020)
    assert began <= timestamp <= received


@pytest.mark.parametrize("language", ["python", "node"])
def test_the_lines_of_the_overview_page_work(language: str, ingest: Ingest, traffic: Traffic, tmp_path: Path) -> None:
    code = snippet(language, write_key=ingest.key, site_url=ingest.server.url).code
    (tmp_path / "node_modules").symlink_to(PACKAGES / "node_modules")
    (tmp_path / "first.mjs").write_text(code)
    if language == "python":
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    else:
        node([str(tmp_path / "first.mjs")])
    (event,) = ingest.events()
    assert (event["userId"], event["event"]) == ("patient-1", "Appointment Booked")
    assert event["properties"] == {"clinic": "North"}
    assert traffic.statuses() == [200]
