"""Fresh authentication: some actions ask that whoever does them proved who they are within the last five minutes.

Signing in counts, with all it asked for; so does confirming one's password, passkey or code again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import TypeVar, cast
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

View = TypeVar("View", bound=Callable[..., HttpResponseBase])

NO_PROOF = "This asks who you are once more, and you have no password yet. Have a link sent to set one, then sign in."


def is_fresh(request: HttpRequest) -> bool:
    """Whether the person proved who they are within the last five minutes."""
    if not request.user.is_authenticated:
        return False
    signed_in = float(request.session.get("born", 0.0))
    proofs = [float(record["at"]) for record in get_authentication_records(request, request.user)]
    latest = max([signed_in, *proofs])
    return 0 <= time.time() - latest < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def ask_again(request: HttpRequest, *, come_back: str) -> HttpResponse:
    """To the page that asks for the password, passkey or code once more, and from there to `come_back`, a path.

    Whoever has none of them, having come by a link, is sent to set a password by e-mail.
    """
    where = f"{reverse('account_reauthenticate')}?{urlencode({'next': come_back})}"
    if not get_adapter().get_reauthentication_methods(request.user):
        messages.warning(request, NO_PROOF)
        where = reverse("account_reset_password")
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
