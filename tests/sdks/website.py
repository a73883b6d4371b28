"""A website of another origin with the published analytics.js on it, and a visitor's real browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from playwright.sync_api import Page

from tests.ingest import Ingest
from tests.sdks.clients import PACKAGES

LIBRARY = PACKAGES / "node_modules" / "@segment" / "analytics-next" / "dist" / "umd" / "index.js"
TITLE = "Über uns"
PAGE = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{TITLE}</title>
<link rel="icon" href="data:,"><script src="/analytics.js"></script></head><body>Hello</body></html>"""
FILES = {"/": ("text/html", PAGE.encode), "/analytics.js": ("text/javascript", LIBRARY.read_bytes)}

# Resolves once each call has: to whether it failed, and what the client logged as an error of it.
CALL = """async (calls) => {
  const outcomes = []
  for (const [method, ...values] of calls) {
    const context = await analytics[method](...values)
    outcomes.push({
      failed: Boolean(context.failedDelivery()),
      errors: context.logs().filter((line) => line.level === 'error').length,
    })
  }
  return outcomes
}"""
LOAD = "(given) => { window.analytics = AnalyticsNext.AnalyticsBrowser.load(...given) }"
SENT = {"failed": False, "errors": 0}


def only_addressed(ingest: Ingest) -> dict[str, str]:
    """The least that load() can be told: it asks the product for its settings."""
    return {"writeKey": ingest.key, "cdnURL": ingest.server.url}


def batching(**config: int) -> dict[str, Any]:
    """The options for one request of several events."""
    return {"integrations": {"Segment.io": {"deliveryStrategy": {"strategy": "batching", "config": config}}}}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        kind, read = FILES[self.path]
        body = read()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[str]:
    """The site's address: another host name and another port than the product's."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


@dataclass(slots=True)
class Visitor:
    """A browser with the site's page open; `complaints` holds what its console says."""

    page: Page
    site: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(self.site)

    def load(self, *given: dict[str, Any]) -> None:
        """`AnalyticsBrowser.load(...)`."""
        self.page.evaluate(LOAD, list(given))

    def call(self, *calls: Sequence[Any]) -> list[dict[str, Any]]:
        return self.page.evaluate(CALL, list(calls))

    def anonymous_id(self) -> str:
        """What analytics.js keeps in the site's own cookie."""
        cookies = {cookie["name"]: cookie["value"] for cookie in self.page.context.cookies(self.site)}
        return cookies["ajs_anonymous_id"]
