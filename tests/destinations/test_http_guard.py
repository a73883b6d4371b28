"""Whom the door out refuses to talk to: private addresses in every spelling, servers that cannot prove their name."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pycurl
import pytest

from destinations.catalog.base import Request, Response
from destinations.delivery import http
from destinations.delivery.address_guard import Network, parse_networks
from destinations.delivery.http import Courier
from tests.destinations.receivers import Authority, Receiver, receiving, wait_for

LOOPBACK = parse_networks(["127.0.0.0/8", "::1"])
SPELLINGS = [
    "127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST", "localhost.", "0x7f.1", "0x7f000001", "2130706433", "127.1",
    "017700000001", "0.0.0.0", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
]  # fmt: skip

Sender = Callable[..., Response]


@pytest.fixture
def send() -> Iterator[Sender]:
    """Sends one POST with this operator's allow-list and gives what came of it."""
    made: list[Courier[str]] = []

    def send(url: str, *allowed: Network) -> Response:
        courier: Courier[str] = Courier(allowed)
        made.append(courier)
        courier.submit("lane", "token", Request(url, (), b"secret", 5.0))
        ((_, response),) = wait_for(lambda: courier.poll(0.05), "an answer")
        return response

    yield send
    for courier in made:
        courier.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets names resolve as the test says: `name:port:address,address`."""
    options = http._fixed_options()

    def answers(line: str) -> None:
        monkeypatch.setattr(http, "_fixed_options", lambda: {**options, pycurl.RESOLVE: [line]})

    return answers


@pytest.mark.parametrize("host", [*SPELLINGS, "[::1]", "[::]", "10.0.0.1", "169.254.169.254", "[fd00::1]"])
def test_a_private_address_is_refused_before_anything_is_dialled(send: Sender, receiver: Receiver, host: str) -> None:
    response = send(f"http://{host}:{receiver.port}/")
    assert (response.status, response.error) == (None, "ADDRESS_REFUSED")
    assert receiver.connections == 0


@pytest.mark.parametrize("host", [host for host in SPELLINGS if host not in {"127.9.9.9", "0.0.0.0"}])
def test_what_the_operator_allows_is_dialled_in_every_spelling(send: Sender, receiver: Receiver, host: str) -> None:
    assert send(f"http://{host}:{receiver.port}/", *LOOPBACK).status == 200
    assert receiver.bodies == [b"secret"]


def test_the_ipv6_loopback_can_be_allowed_by_itself(send: Sender) -> None:
    with receiving(host="::1") as receiver:
        url = f"http://[::1]:{receiver.port}/"
        assert send(url, *parse_networks(["127.0.0.0/8"])).error == "ADDRESS_REFUSED"
        assert receiver.connections == 0
        assert send(url, *parse_networks(["::1"])).status == 200


def test_an_allow_list_opens_no_other_network(send: Sender, receiver: Receiver) -> None:
    response = send(f"http://127.0.0.1:{receiver.port}/", *parse_networks(["127.0.0.2/32", "10.0.0.0/8"]))
    assert (response.error, receiver.connections) == ("ADDRESS_REFUSED", 0)


def test_a_public_name_that_resolves_to_a_private_address_is_refused(
    send: Sender, receiver: Receiver, name_server: Callable[[str], None]
) -> None:
    name_server(f"hooks.example.com:{receiver.port}:127.0.0.1,[::1],10.0.0.1")
    response = send(f"http://hooks.example.com:{receiver.port}/")
    assert (response.error, receiver.connections) == ("ADDRESS_REFUSED", 0)


def test_of_a_names_addresses_only_those_allowed_are_dialled(
    send: Sender, receiver: Receiver, name_server: Callable[[str], None]
) -> None:
    name_server(f"hooks.example.com:{receiver.port}:10.0.0.1,127.0.0.1")
    assert send(f"http://hooks.example.com:{receiver.port}/", *LOOPBACK).status == 200
    assert receiver.got[0].header("Host") == f"hooks.example.com:{receiver.port}"


def test_the_guard_holds_for_https_too(send: Sender, authority: Authority) -> None:
    with receiving(tls=authority.server()) as receiver:
        response = send(receiver.url)
        assert (response.error, receiver.connections) == ("ADDRESS_REFUSED", 0)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    """The only authority this machine trusts."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    http._fixed_options.cache_clear()
    yield made
    http._fixed_options.cache_clear()


def test_a_server_that_proves_its_name_gets_the_event(send: Sender, authority: Authority) -> None:
    with receiving(tls=authority.server()) as receiver:
        assert send(receiver.url, *LOOPBACK).status == 200
        assert receiver.bodies == [b"secret"]


def refused(send: Sender, tls: ssl.SSLContext) -> str:
    """The error for a server that got nothing."""
    with receiving(tls=tls) as receiver:
        response = send(receiver.url, *LOOPBACK)
        assert (response.status, receiver.got) == (None, [])
        assert receiver.connections == 1
    return response.error


@pytest.mark.parametrize(("host", "days"), [("127.0.0.1", -1), ("127.0.0.1", 10), ("127.0.0.2", 1), ("example.com", 1)])
def test_expired_early_and_foreign_certificates_are_refused(
    send: Sender, authority: Authority, host: str, days: int
) -> None:
    assert refused(send, authority.server(host, days=days)) == "TLS_FAILED"


def test_a_certificate_nobody_vouches_for_is_refused(send: Sender, authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "unknown").mkdir()
    assert refused(send, Authority(tmp_path / "unknown").server()) == "TLS_FAILED"


def test_old_tls_is_refused(send: Sender, authority: Authority) -> None:
    tls = authority.server()
    tls.set_ciphers("ALL:@SECLEVEL=0")
    tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1_1
    assert refused(send, tls) == "TLS_FAILED"


def test_https_to_a_server_that_speaks_plain_http_fails(send: Sender, receiver: Receiver) -> None:
    response = send(receiver.url.replace("http:", "https:"), *LOOPBACK)
    assert (response.status, response.error, receiver.got) == (None, "TLS_FAILED", [])
