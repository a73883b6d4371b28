"""The product's WSGI application behind a thin layer that notes every request and can fail as a proxy would.

It runs inside the server's process; tests talk to it by `tests.sdks.traffic`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from segment_app.wsgi import application as product
from workspaces.tracking import answers
from workspaces.tracking.answers import UNAVAILABLE, Answer

CONTROL = "/front"
BAD_GATEWAY = b"<html><body><h1>502 Bad Gateway</h1></body></html>"  # a proxy's own page: no JSON, no CORS
HTML = ("Content-Type", "text/html")


def unavailable(seconds: int) -> Answer:
    """The product's 503, with another time to wait."""
    kept = [(name, value) for name, value in UNAVAILABLE.headers if name != "Retry-After"]
    return Answer(UNAVAILABLE.status, [*kept, ("Retry-After", str(seconds))], UNAVAILABLE.body)


FAILURES: dict[str, Callable[[int], Answer]] = {"503": unavailable, "429": answers.too_many}


class Front:
    """Passes requests on. The next POSTs fail as told: [status, seconds], or ["lost", 0] for an answer that is lost."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._lock = threading.Lock()
        self._seen: list[dict[str, Any]] = []
        self._failures: list[tuple[str, int]] = []

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == CONTROL:
            return self._control(environ, start_response)
        answer = self._answer(environ)
        self._note(environ, answer)
        start_response(answer.status, answer.headers)
        return [answer.body]

    def _answer(self, environ: dict[str, Any]) -> Answer:
        with self._lock:
            fails = environ["REQUEST_METHOD"] == "POST" and self._failures
            kind, seconds = self._failures.pop(0) if fails else ("", 0)
        if kind in FAILURES:
            environ["wsgi.input"].read()
            return FAILURES[kind](seconds)
        answer = self._product(environ)
        return Answer("502 Bad Gateway", [HTML], BAD_GATEWAY) if kind == "lost" else answer

    def _product(self, environ: dict[str, Any]) -> Answer:
        started: list[Any] = []
        body = b"".join(self._application(environ, lambda *begun: started.extend(begun)))
        return Answer(started[0], started[1], body)

    def _note(self, environ: dict[str, Any], answer: Answer) -> None:
        headers = {name[5:].lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
        headers["content_type"] = environ.get("CONTENT_TYPE", "")
        request = {"method": environ["REQUEST_METHOD"], "path": environ["PATH_INFO"], "headers": headers}
        answered = {"status": int(answer.status[:3]), "answer": [list(pair) for pair in answer.headers]}
        with self._lock:
            self._seen.append({**request, **answered, "moment": time.monotonic()})

    def _control(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """GET: what was seen. POST: forget it, and fail as the body says."""
        with self._lock:
            if environ["REQUEST_METHOD"] == "POST":
                self._failures = json.loads(environ["wsgi.input"].read())
                self._seen = []
            body = json.dumps(self._seen).encode()
        start_response("200 OK", [("Content-Type", "application/json")])
        return [body]


application = Front(product)
