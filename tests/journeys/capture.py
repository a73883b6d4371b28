"""A customer's endpoint in a test: a real HTTP server that keeps every event it gets."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Capture:
    """What arrived, in order: headers and event of each request."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.url = ""

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for _, event in self.requests]

    def message_ids(self) -> list[str]:
        return [event["messageId"] for event in self.events]


@contextlib.contextmanager
def capturing() -> Iterator[Capture]:
    """A listening endpoint inside the `with` block."""
    capture = Capture()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            capture.requests.append((dict(self.headers.items()), json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 512

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        capture.url = f"http://127.0.0.1:{server.server_port}/hook"
        yield capture
        server.shutdown()
