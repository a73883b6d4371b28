"""Connects requests to the audit log: their facts for every row, and a row for each page that may show PHI."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from audit import context
from audit.event_ids import event_id
from audit.event_types import EventType
from audit.ids import new_id
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
            request_id=new_id().hex,
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

    A view may set `request.audit_subject` to the object it shows, `request.audit_details` to more about it,
    `request.audit_message_id` to that of the event it shows, and where it stands outside all workspaces
    `request.audit_workspace_ids` to those it tells of: each gets the row. Where a domain verb called by the view has
    written a row already, that one stands and no second is written.
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
        recorded before its first byte. What support staff open in a workspace is recorded whatever page it is.
        """
        match = request.resolver_match
        facts = context.current()
        facts.route = match.view_name if match else ""
        of_support = EventType.SUPPORT_PAGE_VIEWED if facts.on_behalf else None
        event_type: EventType | None = getattr(view, "audit_event", of_support)
        if event_type is None:
            return None
        try:
            writes = request.method in WRITING
            with contextlib.nullcontext() if writes else transaction.atomic():
                response = _rendered(view(request, *args, **kwargs))
                if response.status_code < HTTPStatus.MULTIPLE_CHOICES and not _has_row():
                    with transaction.atomic() if writes else contextlib.nullcontext():
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
    """The page's rows, with which its transaction ends."""
    message_id: str = getattr(request, "audit_message_id", "")
    workspace_ids = _workspace_ids(request)
    for number, workspace_id in enumerate(workspace_ids, 1):
        record(
            event_type,
            actor=request.user if request.user.is_authenticated else None,
            workspace_id=workspace_id,
            subject=getattr(request, "audit_subject", None),
            details=getattr(request, "audit_details", None),
            end_user_id=event_id(message_id, workspace_id=workspace_id) if message_id else "",
            last=number == len(workspace_ids),
        )


def _record_denial(request: HttpRequest) -> None:
    """Tell of a signed-in person who was refused, after the refused work was rolled back."""
    if not request.user.is_authenticated:
        return
    with transaction.atomic():
        for workspace_id in _workspace_ids(request):
            record(
                EventType.ACCESS_DENIED,
                actor=request.user,
                workspace_id=workspace_id,
                details={"method": request.method},
                outcome=AuditRow.Outcome.DENIED,
            )


def _workspace_ids(request: HttpRequest) -> list[str]:
    """The workspace of the page; in Django admin, which stands outside all workspaces, those of the objects shown."""
    workspace = getattr(request, "workspace", None)
    told: Iterable[str] = [str(workspace.pk)] if workspace else getattr(request, "audit_workspace_ids", ())
    return sorted(told) or [""]
