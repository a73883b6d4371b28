"""What the catalog knows of a destination kind, and what a connector does: build a request, read an answer."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import msgspec
import orjson
from django import forms

from workspaces.tracking import clock


class Request(msgspec.Struct, frozen=True, gc=False):
    """One HTTP request to be sent. `headers` are complete; `body` is exactly what goes over the wire."""

    url: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    timeout: float = 5.0  # seconds for the whole exchange
    method: str = "POST"
    keep: int = 0  # bytes of the answer's body to hand over, for connectors that read it


class Response(msgspec.Struct, frozen=True, gc=False):
    """What came back. `status` is None where no answer came; then `error` is the documented code, e.g. ECONNREFUSED."""

    status: int | None
    error: str = ""
    retry_after: float | None = None  # seconds
    duration_ms: int = 0
    body: bytes = b""  # its beginning, as much as the request asked to keep
    headers: tuple[tuple[str, str], ...] = ()  # in their order, where the courier was told to keep them


class Verdict(enum.Enum):
    """What an answer means for the delivery."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DISCARD = "discard"


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """The verdict and, unless delivered, the documented error code (`errors.awaiting-retry.5xx`, ...)."""

    verdict: Verdict
    code: str = ""


def deletion_notice(user_id: str, at: datetime) -> bytes:
    """What tells a destination to forget an end user (documented, Webhooks)."""
    return orjson.dumps({"type": "delete", "userId": user_id, "timestamp": clock.write(at)})


class SecretText(forms.Textarea):
    """Several lines that may hold credentials: what is stored is shown as dots and replaced as a whole."""

    render_value = False

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """As Django's password box: without the value unless it may be shown."""
        return super().get_context(name, value if self.render_value else None, attrs)


class SettingsForm(forms.Form):
    """A connector's settings, validated. `cleaned_data` is what is sealed into the destination.

    A field with a `forms.PasswordInput` or a `SecretText` holds a credential: its value never reaches a page again.
    One called `event_types` chooses among the kind's event types; others are not sent.
    """

    reveals_secrets = True  # an eye beside a password box shows what is being typed


class Mode(enum.Enum):
    """How events reach the tool (documented connection modes). Only cloud mode can encrypt."""

    CLOUD = "Cloud-mode"
    DEVICE = "Device-mode"
    STORAGE = "Storage"


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
    mode: Mode = Mode.CLOUD
    guide: str = ""  # how it sends, for the kind's page; paragraphs with a blank line between them
    supports_deletion: bool = False  # takes `deletion_notice`
    featured: bool = False  # listed under New & Noteworthy as well
    pace: float = 0.0  # seconds from one request to the next at least, where the receiver documents such a limit

    @property
    def paragraphs(self) -> list[str]:
        """The guide, each paragraph in one line."""
        return [" ".join(text.split()) for text in self.guide.split("\n\n") if text.strip()]

    @property
    def supports_encryption(self) -> bool:
        """Documented: only event-stream, cloud-mode destinations."""
        return self.mode is Mode.CLOUD


class Item(msgspec.Struct, frozen=True, gc=False):
    """One event in a request of many: its JSON with the chosen fields already encrypted."""

    body: bytes
    message_id: str


@dataclass(frozen=True, slots=True)
class Batching:
    """How many events a receiver takes in one request. `max_bytes` counts the events' JSON."""

    max_events: int
    max_bytes: int
    every: int = 0  # seconds over which events are collected in the ledger; 0 sends what is at hand at once


class Connector(Protocol):
    """All of one destination kind, in one module.

    Whoever takes many events in a request derives from `Batched`; everybody else from `Single`.
    """

    entry: CatalogEntry
    settings_form: type[SettingsForm]
    batching: Batching | None

    def build_request(
        self, body: bytes, settings: Mapping[str, Any], *, key_fingerprint: str, message_id: str, attempt: int
    ) -> Request:
        """The request that carries `body`, one event as JSON with its chosen fields already encrypted."""
        ...

    def read_response(self, response: Response) -> Outcome:
        """Delivered, to be retried, or to be discarded."""
        ...

    def group_of(self, event_type: str) -> str:
        """Events of different groups never share a request."""
        ...

    def build_batch(self, items: Sequence[Item], settings: Mapping[str, Any]) -> Request:
        """The request that carries all these events; only called where `batching` says how many."""
        ...

    def read_batch(self, response: Response, items: Sequence[Item]) -> list[Outcome]:
        """What the answer means for each of them, in their order."""
        ...


class Single:
    """A connector whose receiver takes one event in a request."""

    batching: Batching | None = None

    def group_of(self, event_type: str) -> str:
        """There are no batches."""
        return ""

    def build_batch(self, items: Sequence[Item], settings: Mapping[str, Any]) -> Request:
        """Never called."""
        raise NotImplementedError

    def read_batch(self, response: Response, items: Sequence[Item]) -> list[Outcome]:
        """Never called."""
        raise NotImplementedError

    def read_response(self, response: Response) -> Outcome:
        """As documented for every event-stream destination."""
        return outcome_of(response)


class Batched:
    """A connector whose receiver takes many events in a request: one event is a batch of one."""

    batching: Batching | None

    def group_of(self, event_type: str) -> str:
        """All events may share a request."""
        return ""

    def build_request(
        self, body: bytes, settings: Mapping[str, Any], *, key_fingerprint: str, message_id: str, attempt: int
    ) -> Request:
        """The request for one event alone."""
        return self.build_batch([Item(body, message_id)], settings)

    def read_response(self, response: Response) -> Outcome:
        """What the answer means for one event alone."""
        return self.read_batch(response, [Item(b"", "")])[0]

    def build_batch(self, items: Sequence[Item], settings: Mapping[str, Any]) -> Request:
        """The request that carries all these events."""
        raise NotImplementedError

    def read_batch(self, response: Response, items: Sequence[Item]) -> list[Outcome]:
        """The same for every event, as documented for batches that fail as a whole."""
        return [outcome_of(response)] * len(items)


DELIVERED = Outcome(Verdict.DELIVERED)


def outcome_of(response: Response) -> Outcome:
    """2xx is delivered; timeouts, connection errors, 408, 429 and 5xx are retried; all else is final (documented)."""
    if response.status is None:
        return _outcome_of_error(response.error)
    if 200 <= response.status < 300:  # noqa: PLR2004
        return DELIVERED
    if response.status >= 500:  # noqa: PLR2004
        return Outcome(Verdict.RETRY, "errors.awaiting-retry.5xx")
    if response.status in {408, 429}:
        return Outcome(Verdict.RETRY, f"errors.awaiting-retry.{response.status}")
    return Outcome(Verdict.DISCARD, f"errors.discarded.{response.status}")


def _outcome_of_error(error: str) -> Outcome:
    if error in {"ADDRESS_REFUSED", "INVALID_URL"}:
        return Outcome(Verdict.DISCARD, "errors.discarded.INVALID_SETTINGS")
    return Outcome(Verdict.RETRY, f"errors.awaiting-retry.{error}")
