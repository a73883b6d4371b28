from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.ingest import Ingest
from tests.servers import Server, run_server
from workspaces.models import Source


@pytest.fixture(scope="module")
def server(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One web server for the tests of a file: on PostgreSQL it holds a partition of the log while it runs."""
    with run_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def ingest(transactional_db: None, server: Server, source: Source) -> Ingest:
    """The Tracking API over HTTP, with a source of its own."""
    return Ingest(server, source)
