"""Error pages that say what to do."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that was open across a sign-in or for too long."""
    return render(request, "403_csrf.html", status=403)
