"""A log of the test's own, receivers on this machine, and the real worker, driven turn by turn."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from destinations.models import Destination
from destinations.pipeline import sending
from tests.destinations.factories import DestinationFactory
from tests.destinations.pipeline.driving import Driven
from tests.destinations.receivers import Receiver, receiving
from tests.servers import ROOT, server_environment, stop
from workspaces.models import Source

START = 60.0  # seconds a process may take on a busy machine

Process = subprocess.Popen[bytes]


@pytest.fixture
def own_log(transactional_db: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty event log, and leave to deliver to this machine.

    Due retries are looked for in every turn, and batches wait for their jobs however busy the machine is.
    """
    settings.DATA_DIR, settings.EVENT_LOG_DIR = tmp_path, tmp_path / "events"
    settings.DELIVERY_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    monkeypatch.setattr(sending, "RETRIES_EVERY", 0.0)
    monkeypatch.setattr(sending, "PATIENCE", 60.0)


@pytest.fixture
def worker(own_log: None) -> Iterator[Driven]:
    """A worker that does nothing until the test lets it."""
    driven = Driven()
    yield driven
    driven.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def another() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def destination(own_log: None, source: Source, receiver: Receiver) -> Destination:
    """A webhook that points at the receiver."""
    return DestinationFactory(source=source, url=receiver.url, shared_secret="sécret")


@pytest.fixture
def start_worker(own_log: None, tmp_path: Path) -> Iterator[Callable[[], Process]]:
    """Starts `manage.py worker` on the test's database, log and keys."""
    started: list[Process] = []
    environment = {**server_environment(0), "DELIVERY_ALLOWED_NETWORKS": "127.0.0.0/8"}

    def start() -> Process:
        with (tmp_path / "worker.txt").open("ab") as sink:
            command = [sys.executable, "manage.py", "worker"]
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=sink, stderr=sink, start_new_session=True
            )
        started.append(process)
        return process

    yield start
    for process in started:
        stop(process)
