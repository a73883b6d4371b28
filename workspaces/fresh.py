"""Fresh authentication: some actions ask that whoever does them proved who they are within the last five minutes.

Signing in counts, with all it asked for; so does confirming one's password, passkey or code again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import TypeVar, cast
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def is_fresh(request: HttpRequest) -> bool:
    """Whether the person proved who they are within the last five minutes."""
    latest = max((float(record["at"]) for record in get_authentication_records(request, request.user)), default=0.0)
    return 0 <= time.time() - latest < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def ask_again(request: HttpRequest, *, come_back: str) -> HttpResponse:
    """To the page that asks for the password, passkey or code once more, and from there to `come_back`, a path."""
    where = f"{reverse('account_reauthenticate')}?{urlencode({'next': come_back})}"
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=401, headers={"HX-Redirect": where})
    return redirect(where)


def fresh_authentication_required(view: View) -> View:
    """For pages that are opened with GET: asks first and shows the page afterwards. Forms ask by `is_fresh` themselves.

    A POST is refused rather than kept and repeated: what stands in it may be a secret.
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if is_fresh(request):
            return view(request, *args, **kwargs)
        return ask_again(request, come_back=request.get_full_path() if request.method == "GET" else request.path)

    return cast(View, answer)
