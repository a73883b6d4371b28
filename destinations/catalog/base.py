"""What the catalog knows of a destination kind, and what a connector does: build a request, read an answer."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
from django import forms


class Request(msgspec.Struct, frozen=True, gc=False):
    """One HTTP POST to be sent. `headers` are complete; `body` is exactly what goes over the wire."""

    url: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    timeout: float = 5.0  # seconds for the whole exchange


class Response(msgspec.Struct, frozen=True, gc=False):
    """What came back. `status` is None where no answer came; then `error` is the documented code, e.g. ECONNREFUSED."""

    status: int | None
    error: str = ""
    retry_after: float | None = None  # seconds
    duration_ms: int = 0


class Verdict(enum.Enum):
    """What an answer means for the delivery."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DISCARD = "discard"


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """The verdict and, unless delivered, the documented error code (`errors.awaiting-retry.5xx`, ...)."""

    verdict: Verdict
    code: str = ""


class SettingsForm(forms.Form):
    """A connector's settings, validated. `cleaned_data` is what is sealed into the destination."""


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """How a destination kind presents itself."""

    slug: str
    name: str  # also its key in an event's `integrations` object
    category: str
    description: str
    icon: str  # lucide icon name
    event_types: frozenset[str] = field(
        default_factory=lambda: frozenset({"track", "identify", "page", "screen", "group", "alias"})
    )
    supports_encryption: bool = True  # event-stream, cloud-mode


class Connector(Protocol):
    """All of one destination kind, in one module."""

    entry: CatalogEntry
    settings_form: type[SettingsForm]

    def build_request(
        self, body: bytes, settings: Mapping[str, Any], *, key_fingerprint: str, message_id: str, attempt: int
    ) -> Request:
        """The request that carries `body`, one event as JSON with its chosen fields already encrypted."""
        ...

    def read_response(self, response: Response) -> Outcome:
        """Delivered, to be retried, or to be discarded."""
        ...
