"""The site of Django admin: whoever opens it signs in by the product's own page, second factor and locks included."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse


class SupportSite(AdminSite):
    """Django's own, without the ways round ours: its sign-in form, its password form, and lists that leave no row."""

    site_header = site_title = "Support"
    site_url = "/"

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """To our sign-in page: Django's form asks for no second factor, whoever is signed in already."""
        if not request.user.is_authenticated:
            query = urlencode({"next": request.GET.get("next") or reverse("admin:index")})
            return HttpResponseRedirect(f"{reverse('account_login')}?{query}")
        if not self.has_permission(request):
            raise PermissionDenied
        return redirect("admin:index")

    def password_change(  # type: ignore[override]  # a way on instead of a page
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """To our own page, which records it."""
        return redirect("account_change_password")

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """Not there: it lists names of anything and leaves no row, and no form here uses it."""
        raise Http404("no autocompletion")


class SupportAdminConfig(AdminConfig):
    """Makes SupportSite the site that everything is registered with."""

    default = False
    default_site = "segment_app.support_admin.SupportSite"
