"""The log as files: CSV, NDJSON and evidence packs, each recorded before its first byte leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar
from urllib.parse import urlencode

from django.http import HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from audit import context
from audit.export import Format, start_export
from audit.forms import AuditLogFilter
from audit.models import AuditRow
from audit.proof.evidence import start_pack
from audit.streams import whole_or_told
from audit.views.asking import from_address, id_from, question, to_address
from audit.views.progress import watched
from workspaces.access import Right, require_right
from workspaces.fresh import ask_again, is_fresh
from workspaces.requests import MemberRequest

CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson", "zip": "application/zip"}
Piece = TypeVar("Piece", bound=str | bytes)
PACK_ROWS = 2_000  # as evidence packs read them (audit.proof.tree.leaves_of)
NOT_VALID = "The filter in this address is not valid."


@require_safe
def audit_log_file(request: MemberRequest, form: str) -> HttpResponse | StreamingHttpResponse:
    """The rows of the same filter as a file.

    `after` in the address is the id of the last whole row of a download that broke off: this one goes on behind it.
    Whoever did not prove who they are in the last five minutes does so first and comes back to the page of the log: a
    file would leave the browser at the question it has just answered.
    """
    workspace = request.workspace
    require_right(request.user, workspace, Right.VIEW_AUDIT_LOG)
    asked = AuditLogFilter(from_address(request.GET, workspace))
    after = id_from(request.GET.get("after"))
    if not asked.is_valid() or (after is None and request.GET.get("after")):
        return HttpResponse(NOT_VALID, status=400, content_type="text/plain")
    if not is_fresh(request):
        return ask_again(request, come_back=_log_page(request, asked))
    pieces = start_export(workspace, question(asked), actor=request.user, form=Format(form), after=after)
    return _file(request, pieces, "log", form, rows_in=_lines)


@require_safe
def audit_evidence(request: MemberRequest) -> HttpResponse | StreamingHttpResponse:
    """The rows of the filter's time as a pack that others can check.

    Whoever is to prove who they are comes back to the page, as for the CSV.
    """
    workspace = request.workspace
    require_right(request.user, workspace, Right.VIEW_AUDIT_LOG)
    asked = AuditLogFilter(from_address(request.GET, workspace))
    if not asked.is_valid():
        return HttpResponse(NOT_VALID, status=400, content_type="text/plain")
    if not is_fresh(request):
        return ask_again(request, come_back=_log_page(request, asked))
    pieces = start_pack(workspace, question(asked), actor=request.user)
    return _file(request, pieces, "evidence", "zip", rows_in=_half_a_chunk)


def _file(
    request: MemberRequest, pieces: Iterator[Piece], what: str, form: str, *, rows_in: Callable[[Piece], int]
) -> StreamingHttpResponse:
    """The pieces as a file. `progress` in the address is the id under which the page asks how far it is."""
    closers: list[Callable[[], object]] = []
    if download_id := id_from(request.GET.get("progress")):
        recorded = AuditRow.objects.get(pk=context.current().rows[-1])
        pieces = watching = watched(request, download_id, pieces, rows=recorded.details["rows"], rows_in=rows_in)
        closers.append(watching.break_off)
    told = whole_or_told(pieces, form)
    name = f"{request.workspace.slug}-hipaa-audit-{what}-{timezone.now():%Y-%m-%d}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    answer = StreamingHttpResponse(told, content_type=CONTENT_TYPES[form], headers=headers)
    # Django calls these when the answer is closed, and has no other way to ask.
    answer._resource_closers += closers  # type: ignore[attr-defined]
    return answer


def _lines(piece: str | bytes) -> int:
    return piece.count("\n") if isinstance(piece, str) else piece.count(b"\n")


def _half_a_chunk(_: bytes) -> int:
    """A pack is compressed: each piece stands for rows or leaves of one chunk, and both have to come."""
    return PACK_ROWS // 2


def _log_page(request: MemberRequest, form: AuditLogFilter) -> str:
    filtered = urlencode({**to_address(form, request.workspace), "confirmed": "1"})
    return f"{reverse('audit_log', args=[request.workspace.slug])}?{filtered}"
