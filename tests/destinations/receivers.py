"""Receivers of deliveries: real HTTP and HTTPS servers that keep what came and answer as the test says."""

from __future__ import annotations

import ipaddress
import json
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

LONGEST_HOLD = 30.0


@dataclass(frozen=True, slots=True)
class Got:
    """One request as it came over the wire. `connection` is the caller's port."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    connection: int

    def header(self, name: str) -> str:
        """The one header of that name; an error where there is none or more than one."""
        (value,) = (value for found, value in self.headers if found.lower() == name.lower())
        return value

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message_id(self) -> str:
        return self.header("X-Message-Id")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver says. `raw` is sent as it is instead, and the connection closed."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    raw: bytes | None = None

    def on_the_wire(self) -> bytes:
        if self.raw is not None:
            return self.raw
        headers = {"Content-Length": str(len(self.body)), **self.headers}
        lines = [f"HTTP/1.1 {self.status} Said", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


OK = Answer()


class Receiver:
    """Keeps every request in `got`. `answer` may be changed at any time; while `hold`s, nothing is answered."""

    def __init__(self, scheme: str, port: int) -> None:
        self.url = f"{scheme}://127.0.0.1:{port}/hook"
        self.port = port
        self.got: list[Got] = []
        self.connections = 0  # that were ever opened
        self.answer: Callable[[Got], Answer] = lambda _got: OK
        self._open = threading.Event()
        self._open.set()

    def says(self, *answers: Answer | int) -> None:
        """Answer with each in turn, and with the last one from then on."""
        left = [answer if isinstance(answer, Answer) else Answer(answer) for answer in answers]
        lock = threading.Lock()

        def next_answer(_got: Got) -> Answer:
            with lock:
                return left.pop(0) if len(left) > 1 else left[0]

        self.answer = next_answer

    def hold(self) -> None:
        """Take requests and leave them without an answer."""
        self._open.clear()

    def release(self) -> None:
        """Answer everything, also what was held."""
        self._open.set()

    def take(self, got: Got) -> Answer:
        """Keep the request, wait for release, answer."""
        self.got.append(got)
        self._open.wait(LONGEST_HOLD)
        return self.answer(got)

    @property
    def message_ids(self) -> list[str]:
        return [got.message_id for got in self.got]

    @property
    def repeated(self) -> list[str]:
        """The message ids that came more than once."""
        return [message_id for message_id, count in Counter(self.message_ids).items() if count > 1]

    @property
    def bodies(self) -> list[bytes]:
        return [got.body for got in self.got]

    @property
    def events(self) -> list[Any]:
        return [got.json for got in self.got]


class _Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True
    block_on_close = False
    receiver: Receiver
    tls: ssl.SSLContext | None = None

    def process_request(self, request: Any, client_address: Any) -> None:
        self.receiver.connections += 1
        super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        with suppress(OSError):  # callers that go away or refuse our certificate
            if self.tls is not None:
                request = self.tls.wrap_socket(request, server_side=True)
            super().finish_request(request, client_address)


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        got = Got(self.command, self.path, list(self.headers.items()), body, self.client_address[1])
        answer = self.server.receiver.take(got)  # type: ignore[attr-defined]
        self.close_connection = answer.raw is not None
        self.wfile.write(answer.on_the_wire())

    do_PUT = do_POST  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Nothing of it belongs into a test's output."""


@contextmanager
def receiving(*, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Receiver]:
    """A receiver that listens until the block ends."""
    server = (_Server6 if ":" in host else _Server)((host, 0), _Handler)
    server.receiver = receiver = Receiver("https" if tls else "http", server.server_address[1])
    server.tls = tls
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.release()
        server.shutdown()
        server.server_close()
        thread.join(5)


def wait_for(true: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
    """What `true` returns as soon as it is something."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
    return found


class Authority:
    """A certificate authority of the test's own, and the certificates it gives out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        self.file = folder / "authority.pem"
        certificate = self._certificate(self._name, self._key.public_key(), authority=True)
        self.file.write_bytes(certificate.public_bytes(Encoding.PEM))

    def server(self, host: str = "127.0.0.1", *, days: int = 1) -> ssl.SSLContext:
        """A server's side of TLS with a certificate for `host` that ends in `days` days (negative: has ended)."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        certificate = self._certificate(name, key.public_key(), host=host, days=days)
        file = self._folder / f"{host}-{days}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _certificate(
        self, name: x509.Name, key: Any, *, host: str = "", days: int = 1, authority: bool = False
    ) -> x509.Certificate:
        ends = datetime.now(UTC) + timedelta(days=days)
        builder = x509.CertificateBuilder(self._name, name, key, x509.random_serial_number())
        builder = builder.not_valid_before(ends - timedelta(days=9)).not_valid_after(ends)
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        if host:
            builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(host)]), critical=False)
        return builder.sign(self._key, SHA256())


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
