"""Our own Tracking API as a destination, and as what tells browsers of their plugins: a real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from destinations.catalog.base import Verdict
from destinations.catalog.segment import Segment
from destinations.settings_store import seal_settings
from tests.destinations.catalog.conforming import SUCCESS, event, exchange, items, verdicts
from tests.destinations.factories import DestinationFactory
from tests.ingest import Ingest
from tests.servers import Server, run_server
from workspaces.models import Source

PLUGIN = {"url": "https://cdn.example.com/p.js", "library_name": "clinic", "options": "{}"}


@pytest.fixture(scope="module")
def server(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def ingest(transactional_db: None, server: Server, source: Source) -> Ingest:
    return Ingest(server, source)


def test_events_arrive_as_they_were(ingest: Ingest) -> None:
    given = [event("m-1", properties={"email": "c1pher=="}), event("m-2", type="identify", traits={"ward": "North"})]
    two = items(*given)
    settings = {"endpoint": f"http://127.0.0.1:{ingest.server.port}", "write_key": ingest.key}
    response = exchange(Segment().build_batch(two, settings))
    assert verdicts(Segment().read_batch(response, two)) == [SUCCESS, SUCCESS]
    for sent, arrived in zip(given, ingest.events(), strict=True):
        for name in ("type", "messageId", "userId", "anonymousId", "timestamp", "context", "properties", "traits"):
            assert arrived.get(name) == sent.get(name), name


def test_an_event_that_is_too_large_is_refused_for_good(ingest: Ingest) -> None:
    settings = {"endpoint": f"http://127.0.0.1:{ingest.server.port}", "write_key": ingest.key}
    large = items(*(event(f"m-{n}", properties={"note": "x" * 30_000}) for n in range(20)))
    outcomes = verdicts(Segment().read_batch(exchange(Segment().build_batch(large, settings)), large))
    assert {verdict for verdict, _ in outcomes} == {Verdict.DISCARD}
    assert ingest.events() == []


def test_browsers_find_the_plugin_among_their_settings(ingest: Ingest) -> None:
    path = f"/v1/projects/{ingest.key}/settings"
    assert "remotePlugins" not in ingest.request("GET", path).json()
    made = DestinationFactory(source=ingest.source, kind="browser-plugin", name="Portal plugin")
    made.sealed_settings = seal_settings(PLUGIN, owner_id=made.pk)
    made.save()
    (plugin,) = ingest.request("GET", path).json()["remotePlugins"]
    assert (plugin["name"], plugin["url"], plugin["libraryName"]) == ("Portal plugin", PLUGIN["url"], "clinic")
    made.enabled = False
    made.save()
    assert "remotePlugins" not in ingest.request("GET", path).json()
