"""The Tracking API: a plain WSGI application for everything below /v1/.

It stands in front of Django's handler: no session, no cookie, no CSRF, no redirect. Bodies and keys are never logged.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse

from django.conf import settings
from django.db import Error as DatabaseError

from workspaces.event_log import open_writer
from workspaces.tracking import answers
from workspaces.tracking.accept import Ingest, IngestRequest
from workspaces.tracking.answers import Answer
from workspaces.tracking.body import TooLarge, Unreadable, read_body
from workspaces.tracking.browser_settings import browser_settings, plugins_of
from workspaces.tracking.credentials import basic_user
from workspaces.tracking.kinds import BATCH, LETTERS, MOST_BATCH_BYTES, MOST_EVENT_BYTES, PATHS
from workspaces.tracking.plans import PlanCache, SourcePlan, load_plan
from workspaces.tracking.rate import RateLimit
from workspaces.tracking.strangers import Strangers

logger = logging.getLogger(__name__)

Environ = dict[str, Any]

METRICS = "m"
PREFLIGHT_POST = answers.preflight("POST, OPTIONS")
PREFLIGHT_GET = answers.preflight("GET, HEAD, OPTIONS")
POST_ONLY = answers.wrong_method("POST, OPTIONS")
GET_ONLY = answers.wrong_method("GET, HEAD, OPTIONS")


class TrackingApi:
    """One process's Tracking API. Leases its partition of the event log with the first event."""

    def __init__(self) -> None:
        self._plans = PlanCache(load_plan)
        self._ingest = Ingest(open_writer(), self._plans, RateLimit(settings.TRACKING_RATE_LIMIT), Strangers())

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; WSGI (PEP 3333)."""
        try:
            found = self._answer(environ)
        except Exception:  # the last line of defence: a server's own page would print the exception's text
            logger.exception("the Tracking API failed")
            found = answers.FAILED
        start_response(found.status, found.headers)
        return [found.body]

    def _answer(self, environ: Environ) -> Answer:
        parts = [part for part in environ["PATH_INFO"].split("/") if part][1:]
        if len(parts) == 1 and (parts[0] in PATHS or parts[0] == METRICS):
            return self._take(environ, parts[0])
        if len(parts) == 3 and parts[0] == "projects" and parts[2] == "settings":  # noqa: PLR2004
            return self._settings(environ, parts[1])
        return PREFLIGHT_POST if environ["REQUEST_METHOD"] == "OPTIONS" else answers.NOT_FOUND

    def _take(self, environ: Environ, path: str) -> Answer:
        if environ["REQUEST_METHOD"] != "POST":
            return PREFLIGHT_POST if environ["REQUEST_METHOD"] == "OPTIONS" else POST_ONLY
        if path == METRICS:  # analytics.js's numbers about itself
            return answers.ACCEPTED
        kind = PATHS[path]
        try:
            body = read_body(environ, MOST_BATCH_BYTES if kind == BATCH else MOST_EVENT_BYTES)
        except TooLarge:
            return answers.TOO_LARGE
        except Unreadable:
            return answers.UNREADABLE
        header_key = basic_user(environ.get("HTTP_AUTHORIZATION", ""))
        return self._ingest.accept(IngestRequest(kind, path in LETTERS, body, header_key, client_address(environ)))

    def _settings(self, environ: Environ, write_key: str) -> Answer:
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return PREFLIGHT_GET if environ["REQUEST_METHOD"] == "OPTIONS" else GET_ONLY
        try:
            plan = self._plans.find(write_key)
            if not isinstance(plan, SourcePlan):
                return answers.NOT_FOUND
            plugins = plugins_of(plan.source_id) if plan.enabled else []
        except DatabaseError:
            return answers.UNAVAILABLE
        return answers.answer(HTTPStatus.OK, browser_settings(write_key, plugins))


def client_address(environ: Environ) -> str:
    """The caller's address: the peer, or the entry of X-Forwarded-For that our outermost trusted proxy wrote."""
    trusted = settings.TRUSTED_PROXIES
    if trusted:
        hops = [hop.strip() for hop in environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
        if len(hops) >= trusted:
            return str(hops[-trusted])
    return environ.get("REMOTE_ADDR") or ""


def is_tracking_path(path: str) -> bool:
    """Whether the path lies below /v1/. Doubled slashes count as one: a host given with its slash makes them."""
    return path.startswith("/v1/") or path.lstrip("/").startswith("v1/") or path.strip("/") == "v1"
