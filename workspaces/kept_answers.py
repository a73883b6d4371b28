"""Answers of a form that wait while the person confirms who they are, so that nothing has to be typed twice.

They are kept in the session, for the page they were sent to, and given back once. Only for forms that hold no secret.
"""

from __future__ import annotations

from django.http import HttpRequest, QueryDict

_KEY = "kept_answers"


def keep(request: HttpRequest) -> None:
    """Keep what was posted to this page."""
    answers = request.POST.copy()
    answers.pop("csrfmiddlewaretoken", None)
    request.session[_KEY] = {"path": request.path, "answers": answers.urlencode()}


def take(request: HttpRequest) -> QueryDict | None:
    """What was kept for this page, now forgotten; None where nothing was, and for anything but a GET."""
    kept = request.session.get(_KEY)
    if request.method != "GET" or not kept or kept["path"] != request.path:
        return None
    del request.session[_KEY]
    return QueryDict(kept["answers"])
