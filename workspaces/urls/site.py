"""Pages outside any workspace: sign-in, the chooser, health."""

from allauth.account import views as account
from django.urls import URLPattern, path

urlpatterns: list[URLPattern] = [
    path("login", account.login, name="account_login"),
    path("logout", account.logout, name="account_logout"),
    path("signup", account.signup, name="account_signup"),
    path("reauthenticate", account.reauthenticate, name="account_reauthenticate"),
]
