"""Explain: why a field has its colour and what that causes."""

from __future__ import annotations

import uuid

from django.db.models import F, Q
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from audit.event_types import EventType
from audit.middleware import audited
from destinations.field_reach import reach_of
from privacy.explain import explain, rows_to_explain
from privacy.models import ObservedField
from privacy.scanning.shape import LONGEST_NAME
from privacy.views.rights import require_classifying
from workspaces.requests import MemberRequest


@require_safe
@audited(EventType.FIELD_EXPLANATION_VIEWED)
def by_name(request: MemberRequest) -> HttpResponse:
    """A field or key by its name, `?name=`; for pages that know matchers and terms rather than fields."""
    require_classifying(request)
    name = request.GET.get("name", "").replace("\0", "")[:LONGEST_NAME].strip()
    if not name:
        raise Http404("no name")
    return _show(request, name, None)


@require_safe
@audited(EventType.FIELD_EXPLANATION_VIEWED)
def of_field(request: MemberRequest, field_id: uuid.UUID) -> HttpResponse:
    """A field of the inbox or an entry of the inventory: its name is a client's and stays out of the address."""
    require_classifying(request)
    rows = rows_to_explain(request.workspace)
    # An entry is explained by the field that is spelled like it, where there is one.
    named = rows.filter(Q(pk=field_id) | Q(entry=field_id, name=F("entry__name"))).first()
    if named is not None and named.pk == field_id:
        request.audit_subject = named
        return _show(request, named.name, named)
    entry = named.entry if named else request.workspace.inventory.filter(pk=field_id).first()
    if entry is None:
        raise Http404("no such field")
    request.audit_subject = entry
    return _show(request, entry.name, named)


def _show(request: MemberRequest, name: str, observed: ObservedField | None) -> HttpResponse:
    told = explain(request.workspace, name, access=request.access, observed=observed)
    blocked = frozenset(source.pk for source in told.blocked_at)
    carrying = frozenset(source.pk for source in told.carried_by)
    reach = reach_of(request.workspace, [name], carrying, blocked_at=blocked, access=request.access)
    return render(request, "privacy/explain.html", {"told": told, "reach": reach, "observed": observed})
