"""The door out: what goes over the wire, what comes back, and who waits for whom. Real receivers, real sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from destinations.catalog.base import Request, Response
from destinations.delivery import http
from destinations.delivery.address_guard import parse_networks
from destinations.delivery.http import Courier
from tests.destinations.receivers import Answer, Receiver, receiving, wait_for
from tests.servers import free_port

LOOPBACK = parse_networks(["127.0.0.0/8", "::1"])
BODY = '{"note":"ü"}'.encode()


@pytest.fixture
def courier() -> Iterator[Courier[object]]:
    made: Courier[object] = Courier(LOOPBACK)
    yield made
    made.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def another() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def post(url: str, body: bytes = BODY, *headers: tuple[str, str], timeout: float = 10.0) -> Request:
    return Request(url, headers, body, timeout)


def answers(courier: Courier[object], count: int = 1) -> dict[object, Response]:
    """Poll until `count` answers are there."""
    found: dict[object, Response] = {}
    wait_for(lambda: found.update(courier.poll(0.05)) or len(found) >= count, f"{count} answers")
    return found


def answer(courier: Courier[object], request: Request) -> Response:
    """What comes of one request."""
    courier.submit("lane", "token", request)
    return answers(courier)["token"]


def test_the_body_and_the_headers_arrive_byte_for_byte(courier: Courier, receiver: Receiver) -> None:
    body = bytes(range(256)) * 40
    request = post(f"{receiver.url}?a=%C3%A9&b", body, ("Content-Type", "application/json"), ("X-Empty", ""))
    assert answer(courier, request).status == 200
    (got,) = receiver.got
    assert (got.method, got.path, got.body) == ("POST", "/hook?a=%C3%A9&b", body)
    assert dict(got.headers) == {
        "Host": f"127.0.0.1:{receiver.port}",
        "Accept": "*/*",
        "Content-Type": "application/json",
        "X-Empty": "",
        "Content-Length": "10240",
    }


def test_an_empty_body_after_a_long_one_is_empty(courier: Courier, receiver: Receiver) -> None:
    for body in (b"x" * 5000, b""):
        answer(courier, post(receiver.url, body))
    assert receiver.bodies == [b"x" * 5000, b""]
    assert receiver.got[1].header("Content-Length") == "0"


def test_headers_of_one_request_do_not_travel_with_the_next(courier: Courier, receiver: Receiver) -> None:
    answer(courier, post(receiver.url, BODY, ("Authorization", "Bearer of-another-customer")))
    answer(courier, post(receiver.url))
    assert "Authorization" not in dict(receiver.got[1].headers)


def test_a_connection_is_used_again(courier: Courier, receiver: Receiver) -> None:
    for _ in range(5):
        assert answer(courier, post(receiver.url)).status == 200
    assert len(receiver.got) == 5
    assert receiver.connections == 1


def test_a_receiver_that_closed_the_kept_connection_is_dialled_anew(courier: Courier, receiver: Receiver) -> None:
    receiver.says(Answer(raw=b"HTTP/1.1 200 Said\r\nContent-Length: 0\r\n\r\n"), 202)
    assert [answer(courier, post(receiver.url)).status for _ in range(2)] == [200, 202]
    assert (len(receiver.got), receiver.connections) == (2, 2)


def test_cookies_are_neither_kept_nor_sent(courier: Courier, receiver: Receiver) -> None:
    receiver.says(Answer(headers={"Set-Cookie": "a=b; Path=/"}))
    for _ in range(2):
        answer(courier, post(receiver.url))
    assert [name for got in receiver.got for name, _ in got.headers if name.lower() == "cookie"] == []


def test_credentials_of_the_machine_are_not_sent(
    courier: Courier, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login operator password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    receiver.says(Answer(401, {"WWW-Authenticate": "Basic realm=x"}))
    assert answer(courier, post(receiver.url)).status == 401
    assert [dict(got.headers).get("Authorization") for got in receiver.got] == [None]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_reported_and_never_followed(
    courier: Courier, receiver: Receiver, another: Receiver, status: int
) -> None:
    receiver.says(Answer(status, {"Location": another.url}))
    assert answer(courier, post(receiver.url)).status == status
    assert (len(receiver.got), another.connections) == (1, 0)


@pytest.mark.parametrize("variable", ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_proxies_of_the_environment_are_ignored(
    receiver: Receiver, another: Receiver, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, another.url)
    fresh: Courier[object] = Courier(LOOPBACK)
    assert answer(fresh, post(receiver.url)).status == 200
    assert answer(fresh, post(receiver.url.replace("http:", "https:"))).status is None
    assert another.connections == 0
    fresh.close()


def test_the_time_limit_is_five_seconds_unless_said_otherwise() -> None:
    assert Request("http://example.com", (), b"").timeout == 5.0


def test_no_answer_in_time_is_a_timeout(courier: Courier, receiver: Receiver) -> None:
    receiver.hold()
    response = answer(courier, post(receiver.url, timeout=0.2))
    assert (response.status, response.error) == (None, "ETIMEDOUT")
    assert response.duration_ms >= 200


def test_an_answer_that_never_ends_is_a_timeout(courier: Courier, receiver: Receiver) -> None:
    receiver.says(Answer(headers={"Content-Length": "10"}, body=b"123"))
    assert answer(courier, post(receiver.url, timeout=0.3)).error == "ETIMEDOUT"


def test_a_port_nobody_listens_on_refuses(courier: Courier) -> None:
    response = answer(courier, post(f"http://127.0.0.1:{free_port()}/"))
    assert (response.status, response.error) == (None, "ECONNREFUSED")


def test_a_name_that_does_not_exist_is_not_found(courier: Courier) -> None:
    assert answer(courier, post(f"http://{'a' * 64}.invalid/")).error == "ENOTFOUND"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 2",
        b"HTTP/1.1 200 Said\r\nContent-Length: 10\r\n\r\n123",
        b"HTTP/1.1 200 Said\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
    ],
)
def test_a_broken_off_or_foreign_answer_is_a_reset(courier: Courier, receiver: Receiver, raw: bytes) -> None:
    receiver.says(Answer(raw=raw))
    response = answer(courier, post(receiver.url))
    assert (response.status, response.error) == (None, "ECONNRESET")


@pytest.mark.parametrize("status", [200, 500])
def test_a_huge_answer_is_cut_off_and_its_status_counts(
    courier: Courier, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(http, "MAX_ANSWER_BYTES", 10_000)
    receiver.says(Answer(status, {"Content-Length": str(10**12)}, b"x" * 1_000_000))
    response = answer(courier, post(receiver.url))
    assert (response.status, response.error) == (status, "")


def test_after_an_answer_that_was_cut_off_others_are_read_whole(
    courier: Courier, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_ANSWER_BYTES", 10_000)
    receiver.says(Answer(200, {}, b"x" * 10_001), *(Answer(status, {}, b"x" * 10_000) for status in (201, 202)))
    assert [answer(courier, post(receiver.url)).status for _ in range(3)] == [200, 201, 202]
    assert receiver.connections == 2  # the second is used again, since its answers were read to their end


@pytest.mark.parametrize("status", [429, 503, 301])
def test_retry_after_in_seconds(courier: Courier, receiver: Receiver, status: int) -> None:
    receiver.says(Answer(status, {"Retry-After": "7"}))
    assert answer(courier, post(receiver.url)).retry_after == 7


def test_retry_after_as_a_date(courier: Courier, receiver: Receiver) -> None:
    receiver.says(Answer(503, {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)}))
    asked = answer(courier, post(receiver.url)).retry_after
    assert asked is not None
    assert 3500 < asked <= 3600


@pytest.mark.parametrize("value", ["soon", "-5", "0", "Wed, 21 Oct 2015 07:28:00 GMT", ""])
def test_a_retry_after_that_asks_for_nothing(courier: Courier, receiver: Receiver, value: str) -> None:
    receiver.says(Answer(429, {"Retry-After": value}))
    response = answer(courier, post(receiver.url))
    assert (response.status, response.retry_after) == (429, None)


def test_retry_after_means_nothing_on_success(courier: Courier, receiver: Receiver) -> None:
    receiver.says(Answer(200, {"Retry-After": "60"}))
    assert answer(courier, post(receiver.url)).retry_after is None


@pytest.mark.parametrize(
    "request_",
    [post("http://[::1/"), post("http://:80/"), post("no url"), post("http://127.0.0.1:1/", BODY, ("X", "a\0b"))],
    ids=["bracket", "no host", "no url", "header"],
)
def test_what_cannot_be_written_as_http_is_told_and_stops_nobody(
    courier: Courier, receiver: Receiver, request_: Request
) -> None:
    courier.submit("lane", "bad", request_)
    courier.submit("lane", "good", post(receiver.url))
    found = answers(courier, 2)
    assert (found["bad"].status, found["bad"].error, found["good"].status) == (None, "INVALID_URL", 200)
    assert courier.load("lane") == 0


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "dict://127.0.0.1"])
def test_nothing_but_http_is_spoken(courier: Courier, url: str) -> None:
    assert answer(courier, post(url)).status is None


def test_a_server_that_takes_connections_and_says_nothing_times_out(courier: Courier) -> None:
    with ExitStack() as stack:
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        response = answer(courier, post(f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout=0.2))
    assert response.error == "ETIMEDOUT"
