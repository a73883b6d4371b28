"""The demo's receiver: the customer's server in miniature. It keeps the last events in memory and shows them on a page.

It is a process of its own and knows nothing of the product but what arrives by HTTP, and the mails it sends to people.
"""

from __future__ import annotations

import re
import sys
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.conf import settings
from django.template.loader import render_to_string

from segment_app import mailbox

KEPT = 100
MAX_BODY = 1_000_000
CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; connect-src 'self'; frame-ancestors 'none'"
)
OWN_NAMES = {"127.0.0.1", "localhost"}
FILES = {"/receiver.css": "text/css", "/receiver.js": "text/javascript"}
# One RSA block in base64 (2048, 3072, 4096 bits) or a JWE in compact form: what an encrypted field looks like.
_BLOCK = re.compile(r"[A-Za-z0-9+/]{342}==|[A-Za-z0-9+/]{512}|[A-Za-z0-9+/]{683}=")
_JWE = re.compile(r"eyJ[\w-]+(\.[\w-]*){4}")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an event as the page shows it."""

    depth: int
    key: str
    text: str
    encrypted: bool


@dataclass(frozen=True, slots=True)
class Received:
    """One request that arrived."""

    number: int
    at: datetime
    headers: list[tuple[str, str]]
    lines: list[Line]


class Inbox:
    """The last events, newest first. Safe for the server's threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[Received] = deque(maxlen=KEPT)
        self.count = 0

    def add(self, headers: list[tuple[str, str]], event: Any) -> None:
        """Keep one event."""
        with self._lock:
            self.count += 1
            self._kept.appendleft(Received(self.count, datetime.now(UTC), headers, list(lines_of(event))))

    def newest(self) -> list[Received]:
        """What is kept, newest first."""
        with self._lock:
            return list(self._kept)


def lines_of(value: Any, key: str = "", depth: int = 0) -> Iterator[Line]:
    """A JSON value as indented lines, encrypted values marked."""
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else ((str(n), item) for n, item in enumerate(value))
        if key:
            yield Line(depth, key, "", encrypted=False)
        for name, item in items:
            yield from lines_of(item, name, depth + bool(key))
        return
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    yield Line(depth, key, text, encrypted=isinstance(value, str) and looks_encrypted(value))


def looks_encrypted(text: str) -> bool:
    """Whether a text has the form of an encrypted value."""
    return bool(_BLOCK.fullmatch(text) or _JWE.fullmatch(text))


class Handler(BaseHTTPRequestHandler):
    """Takes any POST; shows a page on `/`."""

    protocol_version = "HTTP/1.1"
    inbox: Inbox
    key_file: Path
    mail_folder: Path

    def do_POST(self) -> None:
        """Keep the event and answer 200, as a customer's endpoint would."""
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"too large", "text/plain")
            self.close_connection = True
            return
        try:
            event = orjson.loads(self.rfile.read(length))
        except orjson.JSONDecodeError:
            self._answer(HTTPStatus.BAD_REQUEST, b"JSON is expected", "text/plain")
            return
        shown = [(name, value) for name, value in self.headers.items() if name.lower().startswith("x-")]
        self.inbox.add(shown, event)
        self._answer(HTTPStatus.OK, b'{"received": true}', "application/json")

    def do_GET(self) -> None:
        """The page, its two files, and the number of events so far."""
        path = self.path.partition("?")[0]
        if path == "/":
            page = render_to_string("demo/receiver.html", {"inbox": self.inbox, "key_file": self.key_file})
            self._answer(HTTPStatus.OK, page.encode(), "text/html; charset=utf-8")
        elif path == "/mail":
            self._show_mail()
        elif path == "/count":
            self._answer(HTTPStatus.OK, str(self.inbox.count).encode(), "text/plain")
        elif path in FILES:
            kind = FILES[path]
            folder = "css" if kind == "text/css" else "js"
            self._answer(HTTPStatus.OK, (settings.BASE_DIR / "static" / folder / path[1:]).read_bytes(), kind)
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"not found", "text/plain")

    def _show_mail(self) -> None:
        # Its links are secrets: a page elsewhere that has its name lead to this machine must not read them.
        if urlsplit(f"//{self.headers.get('Host', '')}").hostname not in OWN_NAMES:
            self._answer(HTTPStatus.FORBIDDEN, b"open this page by the address that was printed", "text/plain")
            return
        shown = {"mails": mailbox.newest(self.mail_folder), "folder": self.mail_folder}
        page = render_to_string("demo/mail.html", shown)
        self._answer(HTTPStatus.OK, page.encode(), "text/html; charset=utf-8")

    def _answer(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
        headers |= {"Content-Security-Policy": CSP, "X-Content-Type-Options": "nosniff"}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name is the library's)
        """Nothing: addresses may hold personal data."""


class Server(ThreadingHTTPServer):
    """Answers each request in a thread of its own."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away, such as a worker that is stopped: that is no error of ours."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def serve(port: int, key_file: Path, mail_folder: Path) -> None:
    """Listen on this machine alone until interrupted."""
    handler = type("DemoHandler", (Handler,), {"inbox": Inbox(), "key_file": key_file, "mail_folder": mail_folder})
    with Server(("127.0.0.1", port), handler) as server:
        server.serve_forever()
