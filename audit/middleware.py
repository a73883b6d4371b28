"""Connects requests to the audit log: their facts for every row, and a row for each page that may show PHI."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase

from audit import context
from audit.event_types import EventType
from audit.record import record

Respond = Callable[[HttpRequest], HttpResponseBase]
View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class RequestContextMiddleware:
    """First in line: gives the request an id and notes where it comes from."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer inside the request's context and say its id in `X-Request-Id`."""
        facts = context.RequestContext(
            request_id=uuid.uuid4().hex,
            address=client_address(request),
            user_agent=request.headers.get("User-Agent", ""),
        )
        with context.request_context(facts):
            response = self.get_response(request)
        response["X-Request-Id"] = facts.request_id
        return response


def client_address(request: HttpRequest) -> str | None:
    """The caller's address: the peer, or the entry of X-Forwarded-For that our outermost trusted proxy wrote."""
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    trusted = settings.TRUSTED_PROXIES
    address: str = hops[-trusted] if trusted and len(hops) >= trusted else request.META.get("REMOTE_ADDR", "")
    return address or None


def audited(event_type: EventType) -> Callable[[View], View]:
    """Mark a view whose pages may show PHI or its configuration: each GET writes one row of `event_type`.

    The row stands in the page's own transaction. A view may set `request.audit_subject` to the object it shows.
    Writing views are not marked: the domain verb they call records for itself.
    """

    def mark(view: View) -> View:
        view.audit_event = event_type  # type: ignore[attr-defined]
        return view

    return mark


class AuditMiddleware:
    """Last in line: runs audited views in one transaction with their row, so that neither comes without the other."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer; the work is done in `process_view`, where the view is known."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: list[Any], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """Run an audited view here, record what it showed, and hand out the page only if the row was written."""
        match = request.resolver_match
        context.current().route = match.view_name if match else ""
        event_type: EventType | None = getattr(view, "audit_event", None)
        if event_type is None or request.method not in {"GET", "HEAD"}:
            return None
        with transaction.atomic():
            response = view(request, *args, **kwargs)
            if response.status_code < HTTPStatus.MULTIPLE_CHOICES:
                self._record(request, event_type)
        return response

    def _record(self, request: HttpRequest, event_type: EventType) -> None:
        workspace = getattr(request, "workspace", None)
        record(
            event_type,
            actor=request.user if request.user.is_authenticated else None,
            workspace_id=workspace.pk if workspace else "",
            subject=getattr(request, "audit_subject", None),
            details=getattr(request, "audit_details", None),
        )
