"""Connects requests to the audit log: their facts for every row, and a row for each page that may show PHI."""

from __future__ import annotations

import contextlib
import ipaddress
import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from audit import context
from audit.event_types import EventType
from audit.models import AuditRow
from audit.record import record

Respond = Callable[[HttpRequest], HttpResponseBase]
View = TypeVar("View", bound=Callable[..., HttpResponseBase])

# Methods whose view may change something: each domain verb it calls has its own transaction.
WRITING = {"POST", "PUT", "PATCH", "DELETE"}


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
    address = hops[-trusted] if trusted and len(hops) >= trusted else request.META.get("REMOTE_ADDR", "")
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:  # a Unix socket has no address, a proxy may write "unknown"
        return None


def audited(event_type: EventType) -> Callable[[View], View]:
    """Mark a view whose pages may show PHI or its configuration: each page it shows writes one row of `event_type`.

    A view may set `request.audit_subject` to the object it shows, `request.audit_details` to more about it. Where a
    domain verb called by the view has written a row already, that one stands and no second is written.
    """

    def mark(view: View) -> View:
        view.__dict__["audit_event"] = event_type  # functools.wraps carries it through outer decorators
        return view

    return mark


class AuditMiddleware:
    """Last in line: an audited page and its row stand or fall together, and a refusal is recorded too."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer; the work is done in `process_view`, where the view is known."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: list[Any], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """Run an audited view here, rendering included, and hand out the page only once its row is written.

        A page that only reads shares one transaction with its row. On SQLite that holds the write lock while the page
        is made (tens of milliseconds; events are logged in files of their own and do not wait). A streaming answer is
        recorded before its first byte.
        """
        match = request.resolver_match
        context.current().route = match.view_name if match else ""
        event_type: EventType | None = getattr(view, "audit_event", None)
        if event_type is None:
            return None
        try:
            with contextlib.nullcontext() if request.method in WRITING else transaction.atomic():
                response = _rendered(view(request, *args, **kwargs))
                if response.status_code < HTTPStatus.MULTIPLE_CHOICES and not _has_row():
                    _record_page(request, event_type)
        except PermissionDenied:
            _record_denial(request)
            raise
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Record a refusal by a view that is not audited itself; Django goes on to answer 403."""
        if isinstance(exception, PermissionDenied):
            _record_denial(request)


def _rendered(response: HttpResponseBase) -> HttpResponseBase:
    """The answer with a lazy template filled in, so that what its queries read is covered by the row."""
    render: Callable[[], HttpResponse] | None = getattr(response, "render", None)
    return render() if render else response


def _has_row() -> bool:
    """Whether this request has written a row that still stands: one in a rolled-back transaction does not."""
    rows = context.current().rows
    return bool(rows) and AuditRow.objects.filter(pk__in=rows).exists()


def _record_page(request: HttpRequest, event_type: EventType) -> None:
    record(
        event_type,
        actor=request.user if request.user.is_authenticated else None,
        workspace_id=_workspace_id(request),
        subject=getattr(request, "audit_subject", None),
        details=getattr(request, "audit_details", None),
    )


def _record_denial(request: HttpRequest) -> None:
    """Tell of a signed-in person who was refused, after the refused work was rolled back."""
    if request.user.is_authenticated:
        record(
            EventType.ACCESS_DENIED,
            actor=request.user,
            workspace_id=_workspace_id(request),
            details={"method": request.method},
            outcome=AuditRow.Outcome.DENIED,
        )


def _workspace_id(request: HttpRequest) -> uuid.UUID | str:
    """The workspace of the page; in Django admin, which stands outside all workspaces, that of the object shown."""
    workspace = getattr(request, "workspace", None)
    return workspace.pk if workspace else getattr(request, "audit_workspace_id", "")
