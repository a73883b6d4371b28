"""How to decrypt: the decryptor kit inside a workspace, and the page that decrypts in the browser for anybody."""

from __future__ import annotations

from csp.decorators import csp_replace
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from destinations.encryption.kit import programs
from workspaces.access import Right, require_right
from workspaces.requests import MemberRequest


@require_safe
def kit(request: MemberRequest) -> HttpResponse:
    """The format, and programs for it."""
    require_right(request.user, request.workspace, Right.VIEW_DESTINATIONS)
    return render(request, "destinations/decryptor_kit.html", {"kit": programs()})


@require_safe
@csp_replace({"connect-src": ["'none'"], "form-action": ["'none'"]})
def page(request: HttpRequest) -> HttpResponse:
    """A page for key holders, who may have no account. What is typed there cannot leave it: its policy forbids that."""
    return render(request, "destinations/decrypt_page.html")
