"""The link that signs in once. Following it shows a button: what looks at addresses in passing must not use it up."""

from __future__ import annotations

from http import HTTPStatus

from allauth.account.internal.flows.login import record_authentication
from django.conf import settings
from django.contrib.auth import login, logout
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from workspaces import sign_in_links


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_link(request: HttpRequest, secret: str) -> HttpResponse:
    """Say whom the link signs in, and sign them in when asked to."""
    if request.method == "POST":
        with transaction.atomic():
            user = sign_in_links.use(secret)
            if user is not None:
                if request.user.is_authenticated and request.user != user:
                    logout(request)  # told as such: Django would drop the other's session without a word
                login(request, user, backend=settings.AUTHENTICATION_BACKENDS[-1])
                record_authentication(request, user, method="link")
                return redirect("root")
    user = sign_in_links.find(secret)
    status = HTTPStatus.OK if user else HTTPStatus.GONE
    return render(request, "account/sign_in_link.html", {"found": user}, status=status)
