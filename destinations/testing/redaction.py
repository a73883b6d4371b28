"""What a page may show of a request and its answer: no credential, wherever a connector has put it. Pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit, urlunsplit

from django import forms

from destinations.catalog.base import Request, SecretText, SettingsForm

REDACTED = "REDACTED"

# All other headers may hold a credential, or a signature made with one.
PLAIN_HEADERS = frozenset(
    {
        "accept",
        "content-encoding",
        "content-type",
        "user-agent",
        "x-encryption-key-fingerprint",
        "x-message-id",
        "x-retry-count",
    }
)


# Of an answer's headers these tell how the receiver is doing; any other may set a cookie or repeat what was sent.
PLAIN_ANSWER_HEADERS = frozenset(
    {
        "age",
        "allow",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "date",
        "expires",
        "keep-alive",
        "retry-after",
        "server",
        "strict-transport-security",
        "transfer-encoding",
        "vary",
        "via",
        "x-content-type-options",
    }
)
# Limits and ids of requests, by which people find them again at the receiver's.
_PLAIN_ANSWER_HEADER = re.compile(r"(x-)?(\w+-)*(ratelimit|rate-limit|request-id|correlation-id|trace-id)(-\w+)*")


class Redaction:
    """Takes the credentials of one destination out of texts."""

    def __init__(self, form: type[SettingsForm], settings: Mapping[str, Any], request: Request) -> None:
        """`settings` are the connector's, opened; which of them are credentials the form says.

        What `request` carries in its address's query and in headers that are not shown is taken for one too: an answer
        may repeat it.
        """
        secrets = [*_secrets(form, settings), *_carried(request)]
        found = {spelling for secret in secrets for spelling in _spellings(secret)}
        # The longest first: what is left of a longer one must not hold a shorter one's neighbours.
        self._spellings = sorted(found, key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text with every credential in it replaced."""
        for spelling in self._spellings:
            text = text.replace(spelling, REDACTED)
        return text

    def url(self, url: str) -> str:
        """The address without credentials, sign-in part and values of its query."""
        try:
            parts = urlsplit(url)
            host = parts.netloc.rpartition("@")[2]
        except ValueError:
            return REDACTED
        return self.text(urlunsplit((parts.scheme, host, parts.path, REDACTED if parts.query else "", "")))

    def headers(self, headers: Iterable[tuple[str, str]]) -> dict[str, str]:
        """The headers by name, with the values of those that are known to hold nothing secret."""
        return {
            name: self.text(value) if name.lower() in PLAIN_HEADERS else REDACTED for name, value in sorted(headers)
        }

    def answer_headers(self, headers: Iterable[tuple[str, str]]) -> dict[str, str]:
        """The same of an answer's; one that came several times is one here, its values parted by commas."""
        found: dict[str, list[str]] = {}
        for name, value in sorted(headers):
            low = name.lower()
            plain = low in PLAIN_ANSWER_HEADERS or _PLAIN_ANSWER_HEADER.fullmatch(low)
            found.setdefault(name, []).append(self.text(value) if plain else REDACTED)
        return {name: ", ".join(values) for name, values in found.items()}


def _secrets(form: type[SettingsForm], settings: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for name, field in form.base_fields.items():
        value = settings.get(name)
        if not isinstance(value, str):
            continue
        if isinstance(field.widget, forms.PasswordInput):
            found += [value, *_of_address(value)]
        elif isinstance(field.widget, SecretText):
            for line in value.splitlines():
                found += _parts(line.partition(":")[2] or line)
    return [secret for secret in found if secret]


def _of_address(value: str) -> list[str]:
    """Where an address is the credential, as Slack's: its path, and the last part of it."""
    if not value.startswith(("https://", "http://")):
        return []
    path = value.partition("://")[2].partition("/")[2].strip("/")
    return [path, path.rpartition("/")[2]]


def _carried(request: Request) -> list[str]:
    try:
        query = [value for _, value in parse_qsl(urlsplit(request.url).query)]
    except ValueError:
        query = []
    hidden = [value for name, value in request.headers if name.lower() not in PLAIN_HEADERS]
    return [*query, *(part for value in hidden for part in _parts(value))]


def _parts(value: str) -> list[str]:
    """A header's value, and its last word: of `Bearer abc` the latter may come back by itself."""
    words = value.split()
    return [value.strip(), words[-1]] if words else []


def _spellings(secret: str) -> set[str]:
    """How a credential may be written: as it is, within JSON, within an address, in base64."""
    encoded = base64.b64encode(secret.encode(errors="replace")).decode()
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    return {secret, quote(secret, safe="", errors="replace"), quote_plus(secret, errors="replace"), encoded, *escaped}
