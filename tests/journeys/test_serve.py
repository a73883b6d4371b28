"""`make run` as a newcomer meets it: it starts, it can be used, it stops, it starts again."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.product import Product, running_product, wait_until


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running_product(tmp_path_factory.mktemp("product")) as started:
        yield started


def send(product: Product, write_key: str, event: dict[str, object]) -> int:
    token = base64.b64encode(f"{write_key}:".encode()).decode()
    request = urllib.request.Request(
        f"{product.url}/v1/track", json.dumps(event).encode(), {"Authorization": f"Basic {token}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return int(answer.status)


def received(product: Product) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{product.port + 1}/count", timeout=10) as answer:
        return int(answer.read())


def page_of_receiver(product: Product) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{product.port + 1}/", timeout=10) as answer:
        return str(answer.read().decode())


def test_prints_what_a_newcomer_needs(product: Product) -> None:
    demo = product.demo()
    printed = wait_until(lambda: (text := product.log.read_text()) * ("Ctrl-C" in text), what="it is printed")
    for fact in ("url", "email", "password", "write_key"):
        assert demo[fact] in printed
    assert f"{product.url}/login/link/" in printed
    assert f"curl {product.url}/v1/track -u {demo['write_key']}:" in printed


def test_demo_json_has_the_documented_keys(product: Product) -> None:
    demo = product.demo()
    assert list(demo) == ["url", "email", "password", "totp_secret", "write_key", "receiver_url"]
    assert demo["url"] == product.url
    assert len(demo["totp_secret"]) == 32
    assert demo["receiver_url"] == f"http://127.0.0.1:{product.port + 1}/"


def test_the_demo_has_a_history(product: Product) -> None:
    """45 of the 60 events are the server's, whose destination the receiver is."""
    wait_until(lambda: received(product) >= 45, what="the receiver has the history")
    assert "seasonal allergy" not in page_of_receiver(product)


def test_an_event_reaches_the_receiver_encrypted(product: Product) -> None:
    event = {"userId": "u1", "event": "First Visit", "properties": {"email": "first@example.com", "clinic": "Nordhaus"}}
    assert send(product, product.demo()["write_key"], event) == 200
    wait_until(lambda: "First Visit" in page_of_receiver(product), what="the receiver has the event")
    page = page_of_receiver(product)
    assert "Nordhaus" in page
    assert "first@example.com" not in page
    assert "encrypted" in page


def test_ended_processes_are_started_again(product: Product) -> None:
    for word in ("manage.py worker", "granian"):
        before = set(product.children(word))
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda word=word, before=before: set(product.children(word)) - before, what=f"{word} is back")
    wait_until(product.answers, what="the web server answers again")


def test_a_taken_port_is_refused_with_advice(product: Product) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        product.manage("serve", "--demo")
    assert f"127.0.0.1:{product.port} cannot be used" in refused.value.stderr
    assert f"PORT={product.port + 10} make run" in refused.value.stderr


def test_control_c_stops_everything_and_a_second_start_keeps_the_data(tmp_path: Path) -> None:
    with running_product(tmp_path) as product:
        demo = product.demo()
        assert product.interrupt() == 0
        wait_until(lambda: not product.children("manage.py") and not product.children("granian"), what="all ended")
        product.start()
        assert product.demo() == demo
