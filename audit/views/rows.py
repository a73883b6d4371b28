"""One row of the log: everything it holds, what was changed, the object it is about, and a proof of it."""

from __future__ import annotations

import json
import uuid

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from audit.changes import changes, in_words
from audit.event_types import EventType
from audit.middleware import audited
from audit.models import AuditRow
from audit.proof.one_row import place_of, prove_row
from audit.sentences import told
from audit.views.objects import link_to
from workspaces.access import Right, require_right
from workspaces.requests import MemberRequest

ABOUT = {
    "Event": ("event_type", "outcome", "route", "request_id"),
    "Actor": ("actor_label", "actor_user_id", "actor_kind", "on_behalf_of_label", "on_behalf_of"),
    "Object": ("object_type", "object_id", "object_label", "end_user_id", "workspace_id"),
    "Where from": ("address", "user_agent"),
}


@require_safe
@audited(EventType.HIPAA_AUDIT_ROW_VIEWED)
def audit_row(request: MemberRequest, row_id: uuid.UUID) -> HttpResponse:
    """A row in the side sheet, or on a page of its own that can be linked to."""
    row = _row(request, row_id)
    request.audit_subject, request.audit_details = request.workspace, {"row": str(row.pk)}
    changed, rest = changes(row.details)
    shown = {
        "row": row,
        "parts": _parts(row),
        "told": told(row),
        "changes": [(change.name, in_words(change.before), in_words(change.after)) for change in changed],
        "rest": [(name, in_words(value)) for name, value in rest.items()],
        "object_url": link_to(row, request.workspace, request.access),
        "place": place_of(row.pk),
    }
    return render(request, "audit/row.html", shown)


@require_safe
def audit_row_proof(request: MemberRequest, row_id: uuid.UUID) -> HttpResponse:
    """A proof of the row alone, which `verify.py --proof` checks; recorded in the transaction that makes it."""
    row = _row(request, row_id)
    proof = prove_row(request.workspace, row.pk, actor=request.user)
    name = f"{request.workspace.slug}-hipaa-audit-proof-{row.pk}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(json.dumps(proof, indent=1) + "\n", content_type="application/json", headers=headers)


def _row(request: MemberRequest, row_id: uuid.UUID) -> AuditRow:
    require_right(request.user, request.workspace, Right.VIEW_AUDIT_LOG)
    return get_object_or_404(AuditRow, pk=row_id, workspace_id=str(request.workspace.pk))


def _parts(row: AuditRow) -> list[tuple[str, list[tuple[str, object]]]]:
    """The fields in the order people ask for them; a field that is in none of the parts comes last."""
    facts = dict(row.facts)
    told = [(title, [(name, facts.pop(name)) for name in names if name in facts]) for title, names in ABOUT.items()]
    for name in ("id", "timestamp", "details"):
        facts.pop(name)
    return [*told, *([("More", list(facts.items()))] if facts else [])]
