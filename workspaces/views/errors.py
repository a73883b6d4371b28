"""Error pages that say what to do."""

import sys

from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from workspaces.requests import to_sign_in

RETRY_AFTER = "30"  # seconds
MISTAKES = (DataError, IntegrityError)  # of ours: trying again changes nothing


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that was open across a sign-in or for too long."""
    return render(request, "403_csrf.html", status=403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """To the sign-in page where the session was ended while the answer was made, by another tab or another person.

    Whether what was sent is saved is not known here, so nothing is said of it. Anything else is a request that no page
    of ours makes.
    """
    if not isinstance(exception, SessionInterrupted):
        return HttpResponse(render_to_string("400.html"), status=400)
    response = to_sign_in(request, ended="elsewhere", unsaved=False)
    response["Cache-Control"] = "no-store"
    response["Clear-Site-Data"] = '"cache", "storage"'
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """503 where the database is locked, full, broken or away, and 500 for what is a mistake of the product.

    Called by Django while the exception is handled. The pages need nothing from the database.
    """
    error = sys.exc_info()[1]
    if isinstance(error, InterfaceError | DatabaseError) and not isinstance(error, MISTAKES):
        if hasattr(request, "session"):
            request.session.modified = False  # saving it would wait for the same database once more
        return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": RETRY_AFTER})
    return HttpResponse(render_to_string("500.html"), status=500)
