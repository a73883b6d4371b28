"""Webhooks: each event as JSON in a POST to the customer's URL, signed with a shared secret.

Documented behaviour: `X-Signature` is the hex HMAC-SHA1 of the body; timeouts (5 s), 429 and 5xx are retried for four
hours; redirects are not followed; 400, 401, 403 and other refusals are final. Ours besides: a SHA-256 signature over
the same bytes, the message id, the number of the retry and the fingerprint of the key that encrypted the fields.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from django import forms
from django.conf import settings as django_settings

from destinations.catalog.base import CatalogEntry, Request, SecretText, SettingsForm, Single
from destinations.delivery.address_guard import parse_networks, refusal_of_url

USER_AGENT = "Customer-Data-Pipeline/1.0"
MAX_HEADERS = 20
MAX_HEADER_LENGTH = 4000
OWN_HEADERS = frozenset(
    {
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "user-agent",
        "x-encryption-key-fingerprint",
        "x-message-id",
        "x-retry-count",
        "x-signature",
        "x-signature-sha256",
    }
)
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.1
_VISIBLE = re.compile(r"[\x20-\x7e\t]*")


class WebhooksForm(SettingsForm):
    """Where to send, what to add, how to sign."""

    url = forms.CharField(
        label="Webhook URL",
        max_length=2000,
        help_text="Receives a POST with one event as JSON. Redirects are not followed.",
        widget=forms.URLInput(attrs={"placeholder": "https://example.com/webhook", "autocomplete": "off"}),
    )
    headers = forms.CharField(
        label="Headers",
        required=False,
        max_length=8000,
        help_text="One “Name: value” per line, sent with each request. ASCII only.",
        widget=SecretText(attrs={"rows": 3, "placeholder": "Authorization: Bearer …", "spellcheck": "false"}),
    )
    shared_secret = forms.CharField(
        label="Shared Secret",
        required=False,
        max_length=200,
        strip=False,
        help_text="Signs the exact body: X-Signature (HMAC-SHA1) and X-Signature-SHA256 (HMAC-SHA256), both in hex.",
        widget=forms.PasswordInput(render_value=True, attrs={"autocomplete": "off"}),
    )

    def clean_url(self) -> str:
        """A complete http(s) URL that does not point into a private network."""
        url: str = self.cleaned_data["url"]
        if refusal := refusal_of_url(url, parse_networks(django_settings.DELIVERY_ALLOWED_NETWORKS)):
            raise forms.ValidationError(refusal, code="refused_url")
        return url

    def clean_headers(self) -> str:
        """The same lines, trimmed, each a header that may be sent."""
        lines = [line.strip() for line in self.cleaned_data["headers"].splitlines() if line.strip()]
        if len(lines) > MAX_HEADERS:
            raise forms.ValidationError(f"At most {MAX_HEADERS} headers can be added.", code="too_many_headers")
        problems = [problem for number, line in enumerate(lines, 1) if (problem := _refusal_of_header(number, line))]
        names = [line.partition(":")[0].lower() for line in lines]
        problems += [f"{name} is given twice." for name in sorted(set(names)) if names.count(name) > 1]
        if problems:
            raise forms.ValidationError(problems, code="refused_header")
        return "\n".join(lines)


class Webhooks(Single):
    """The connector."""

    entry: CatalogEntry = CatalogEntry(
        slug="webhooks",
        name="Webhooks",
        category="Raw Data",
        description="Send each event as JSON to a URL of your own, signed, and with the fields you choose encrypted.",
        icon="webhook",
        supports_deletion=True,
        featured=True,
    )
    settings_form: type[SettingsForm] = WebhooksForm

    def build_request(
        self, body: bytes, settings: Mapping[str, Any], *, key_fingerprint: str, message_id: str, attempt: int
    ) -> Request:
        """The POST for try number `attempt` (1 for the first); signatures cover exactly `body`."""
        headers = [
            ("Content-Type", "application/json"),
            ("User-Agent", USER_AGENT),
            ("X-Message-Id", _header_safe(message_id)),
            ("X-Retry-Count", str(attempt - 1)),
            *_parsed_headers(settings.get("headers", "")),
        ]
        if secret := settings.get("shared_secret"):
            headers += _signatures(secret, body)
        if key_fingerprint:
            headers.append(("X-Encryption-Key-Fingerprint", key_fingerprint))
        return Request(url=settings["url"], headers=headers, body=body)


def _signatures(secret: str, body: bytes) -> list[tuple[str, str]]:
    sha1, sha256 = (keyed.copy() for keyed in _keyed(secret))
    sha1.update(body)
    sha256.update(body)
    return [
        ("X-Signature", sha1.finalize().hex()),
        ("X-Signature-SHA256", "sha256=" + sha256.finalize().hex()),
    ]


@functools.lru_cache(maxsize=256)
def _keyed(secret: str) -> tuple[HMAC, HMAC]:
    """Both signatures before the first byte: setting them up anew each time costs as much as a body of 2 KB."""
    key = secret.encode()
    return HMAC(key, SHA1()), HMAC(key, SHA256())  # noqa: S303  (documented; SHA-256 stands beside it)


def _refusal_of_header(number: int, line: str) -> str:
    """What is wrong with one line; its value may be a credential and is not repeated."""
    name, colon, value = line.partition(":")
    if not colon or not _TOKEN.fullmatch(name):
        return f"Line {number}: write “Name: value”."
    if not _VISIBLE.fullmatch(value) or len(line) > MAX_HEADER_LENGTH:
        return f"Line {number}: the value may hold only ASCII characters, at most {MAX_HEADER_LENGTH} of them."
    if name.lower() in OWN_HEADERS | HOP_BY_HOP:
        return f"Line {number}: {name} is set by the delivery itself and cannot be changed."
    return ""


@functools.lru_cache(maxsize=256)
def _parsed_headers(text: str) -> tuple[tuple[str, str], ...]:
    pairs = (line.partition(":") for line in text.splitlines())
    return tuple((name, value.strip()) for name, _, value in pairs)


def _header_safe(message_id: str) -> str:
    """A message id comes from outside: what a header cannot carry is percent-encoded."""
    if message_id.isascii() and message_id.isprintable():
        return message_id
    return "".join(char if char.isascii() and char.isprintable() else _percent(char) for char in message_id)


def _percent(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode(errors="surrogatepass"))
