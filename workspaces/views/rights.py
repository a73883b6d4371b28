"""Who can do what: the table of rights itself, with what the viewer may do."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from workspaces import rights_table
from workspaces.access import Right, require_right
from workspaces.requests import MemberRequest


@require_safe
def who_can_do_what(request: MemberRequest) -> HttpResponse:
    """Every right and every role, as the code itself has them."""
    access = require_right(request.user, request.workspace, Right.OPEN_WORKSPACE)
    context = {
        "columns": rights_table.COLUMNS,
        "rows": rights_table.rows(access),
        "as_support": access.as_support,
    }
    return render(request, "workspaces/people/who_can_do_what.html", context)
