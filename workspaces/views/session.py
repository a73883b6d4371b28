"""How long the session goes on, asked by the page that warns before its end, and the wish to stay."""

from __future__ import annotations

from dataclasses import asdict

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST, require_safe

from workspaces.requests import passive, session_left, to_sign_in


@require_safe
@passive
def left(request: HttpRequest) -> HttpResponse:
    """Seconds left as `{"idle": 900 or null, "total": 43200, "person": id}`; asking is no activity."""
    return _left(request)


@require_POST
def stay(request: HttpRequest) -> HttpResponse:
    """The same after *Stay signed in*: an action like any other, so the idle minutes start anew."""
    return _left(request)


def _left(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        return to_sign_in(request)
    return JsonResponse({**asdict(session_left(request)), "person": str(request.user.pk)})
