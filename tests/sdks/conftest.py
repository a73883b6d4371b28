from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.ingest import Ingest
from tests.sdks.clients import SDKS, Sdk
from tests.sdks.traffic import Traffic
from tests.sdks.website import Visitor, serving
from tests.servers import Server, run_server
from workspaces.models import Source


@pytest.fixture(scope="module")
def server(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The product, with a front that notes the requests and fails when told to."""
    with run_server(tmp_path_factory.mktemp("server"), application="tests.sdks.front:application") as running:
        yield running


@pytest.fixture
def ingest(transactional_db: None, server: Server, source: Source) -> Ingest:
    """The Tracking API with a source of its own."""
    return Ingest(server, source)


@pytest.fixture
def traffic(ingest: Ingest) -> Traffic:
    """What clients send from now on."""
    traffic = Traffic(ingest.server)
    traffic.restart()
    return traffic


@pytest.fixture(params=SDKS, ids=lambda sdk: sdk.name)
def sdk(request: pytest.FixtureRequest) -> Sdk:
    """Each server-side client."""
    return request.param


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture
def visitor(page: Page, site: str, traffic: Traffic) -> Visitor:
    return Visitor(page, site)
