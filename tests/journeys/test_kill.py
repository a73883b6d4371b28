"""`kill -9` in the middle of a run: every event that was answered 200 arrives."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.capture import Capture, capturing
from tests.product import Product, running_product, wait_until

SENDERS = 4
POINT_DEMO_AT = """
from destinations import connections
from destinations.models import Destination
destination = Destination.objects.select_related("workspace").get()
owner = destination.workspace.members.get()
settings = {{**connections.settings_of(destination), "url": "{url}"}}
connections.change_destination(destination, actor=owner, name=destination.name, settings=settings)
"""


@pytest.fixture
def endpoint() -> Iterator[Capture]:
    with capturing() as capture:
        yield capture


class Sender(threading.Thread):
    """Sends events one by one until told to stop, and keeps the ids that were answered 200."""

    def __init__(self, product: Product, write_key: str, name: str) -> None:
        super().__init__(daemon=True)
        self.product, self.prefix = product, name
        self.token = base64.b64encode(f"{write_key}:".encode()).decode()
        self.accepted: list[str] = []
        self.stopping = False

    def run(self) -> None:
        number = 0
        while not self.stopping:
            number += 1
            message_id = f"{self.prefix}-{number}"
            try:
                if self._send(message_id) == 200:
                    self.accepted.append(message_id)
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)

    def _send(self, message_id: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.product.port, timeout=5)
        event = {"userId": "u", "event": "E", "messageId": message_id, "properties": {"email": "x@example.com"}}
        connection.request("POST", "/v1/track", json.dumps(event), {"Authorization": f"Basic {self.token}"})
        return connection.getresponse().status


def accepted_by(senders: list[Sender]) -> int:
    return sum(len(sender.accepted) for sender in senders)


def kill(product: Product, word: str) -> None:
    before = set(product.children(word))
    assert before
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: set(product.children(word)) - before, what=f"{word} is back")
    wait_until(product.answers, what="the product answers")


def test_nothing_accepted_is_lost(tmp_path: Path, endpoint: Capture) -> None:
    with running_product(tmp_path) as product:
        product.manage("shell", "-c", POINT_DEMO_AT.format(url=endpoint.url))
        write_key = product.demo()["write_key"]
        senders = [Sender(product, write_key, f"m{number}") for number in range(SENDERS)]
        for sender in senders:
            sender.start()
        for word in ("manage.py worker", "granian", "manage.py worker", "granian"):
            accepted = sum(len(sender.accepted) for sender in senders)
            wait_until(
                lambda accepted=accepted: sum(len(s.accepted) for s in senders) > accepted + 50, what="events flow"
            )
            kill(product, word)
        for sender in senders:
            sender.stopping = True
            sender.join(30)
        accepted = {message_id for sender in senders for message_id in sender.accepted}
        wait_until(lambda: accepted <= set(endpoint.message_ids()), what="every accepted event has arrived")
        assert len(accepted) > 200
