"""Every answer of the Tracking API, complete with CORS headers.

An error's JSON carries `code` and `message` both: older SDKs look for the two, and retry for minutes where one is
missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson

from workspaces.tracking.kinds import MOST_BATCH_BYTES, MOST_EVENT_BYTES

ONE_DAY = 86_400
RETRY_SECONDS = 5
# `*` would not cover Authorization (Fetch standard); credentials are never needed, so any origin may call.
ALLOWED_HEADERS = "authorization, content-type, content-encoding, x-retry-count, anonymousid, sentat"
COMMON = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "Retry-After, X-RateLimit-Reset"),
    ("X-Content-Type-Options", "nosniff"),
)

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Status line, complete headers, body."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes


def answer(status: HTTPStatus, content: Any, *extra: tuple[str, str]) -> Answer:
    """An answer in JSON; without a body where `content` is None."""
    body = b"" if content is None else orjson.dumps(content)
    headers = [*COMMON, *extra]
    if content is not None:
        headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return Answer(f"{status.value} {status.phrase}", headers, body)


def error(status: HTTPStatus, code: str, message: str, *extra: tuple[str, str]) -> Answer:
    """An error in JSON."""
    return answer(status, {"code": code, "message": message}, *extra)


def too_many(seconds: int) -> Answer:
    """The workspace's limit is reached; whole seconds are the only form that every SDK understands."""
    waits = (("Retry-After", str(seconds)), ("X-RateLimit-Reset", str(seconds)))
    return error(HTTPStatus.TOO_MANY_REQUESTS, "rate_limited", f"Too many events. Retry in {seconds} s.", *waits)


def wrong_method(allowed: str) -> Answer:
    """The path takes other methods."""
    return error(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", f"Use one of: {allowed}.", ("Allow", allowed))


def preflight(allowed: str) -> Answer:
    """What a browser asks before it sends; never needs a write key."""
    return answer(
        HTTPStatus.NO_CONTENT,
        None,
        ("Access-Control-Allow-Methods", allowed),
        ("Access-Control-Allow-Headers", ALLOWED_HEADERS),
        ("Access-Control-Max-Age", str(ONE_DAY)),
        ("Allow", allowed),
    )


ACCEPTED = answer(HTTPStatus.OK, {"success": True})
TOO_LARGE = error(
    HTTPStatus.BAD_REQUEST,
    "payload_too_large",
    f"An event may have {MOST_EVENT_BYTES // 1024} KB, a batch {MOST_BATCH_BYTES // 1024} KB (uncompressed).",
)
INVALID_JSON = error(HTTPStatus.BAD_REQUEST, "invalid_json", "The body is not valid JSON.")
UNREADABLE = error(HTTPStatus.BAD_REQUEST, "unreadable_body", "The body is cut short or badly compressed.")
UNAUTHORIZED = error(HTTPStatus.UNAUTHORIZED, "invalid_write_key", "The write key is unknown or revoked.")
NOT_FOUND = error(HTTPStatus.NOT_FOUND, "not_found", "There is no such path.")
UNAVAILABLE = error(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "unavailable",
    "Events cannot be stored now. Send them again.",
    ("Retry-After", str(RETRY_SECONDS)),
)
FAILED = error(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "The request could not be handled.")
