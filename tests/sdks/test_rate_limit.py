"""The product's own limit, met by clients that send faster: they wait as told and lose nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.ingest import Ingest
from tests.sdks.clients import SEGMENT_NODE, SEGMENT_PYTHON, Sdk
from tests.sdks.scenario import numbered
from tests.sdks.traffic import Traffic
from tests.servers import Server, run_server

FIRST, SECOND = numbered(1, 45), numbered(46, 50)  # the first round takes more than three seconds' worth


@pytest.fixture(scope="module")
def server(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    limit = {"TRACKING_RATE_LIMIT": "12"}
    with run_server(folder, application="tests.sdks.front:application", environment=limit) as running:
        yield running


@pytest.mark.parametrize("sdk", [SEGMENT_PYTHON, SEGMENT_NODE], ids=lambda sdk: sdk.name)
def test_everything_arrives_once(sdk: Sdk, ingest: Ingest, traffic: Traffic) -> None:
    outcome = sdk.send(ingest.server.url, ingest.key, [FIRST, SECOND])
    assert (outcome.delivered, outcome.errors) == (50, [])
    assert set(traffic.statuses()) == {429, 200}
    assert sorted(event["event"] for event in ingest.events()) == sorted(call["event"] for call in FIRST + SECOND)
