"""Pages outside any workspace: sign-in, the chooser, health."""

from allauth.account import views as account
from django.urls import URLPattern, path, re_path

from workspaces.views import entrance, health

urlpatterns: list[URLPattern] = [
    path("", entrance.root, name="root"),
    path("workspaces", entrance.chooser, name="workspaces"),
    path("goto-my-workspace", entrance.go_to_mine, name="goto_my_workspace"),
    path("goto-my-workspace/<path:rest>", entrance.go_to_mine, name="goto_my_workspace"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("login", account.login, name="account_login"),
    path("logout", account.logout, name="account_logout"),
    path("inactive", account.account_inactive, name="account_inactive"),
    path("signup", account.signup, name="account_signup"),
    path("reauthenticate", account.reauthenticate, name="account_reauthenticate"),
    path("confirm-email", account.email_verification_sent, name="account_email_verification_sent"),
    re_path(r"^confirm-email/(?P<key>[-:\w]+)$", account.confirm_email, name="account_confirm_email"),
    path("password/change", account.password_change, name="account_change_password"),
    path("password/set", account.password_set, name="account_set_password"),
    path("password/reset", account.password_reset, name="account_reset_password"),
    path("password/reset/done", account.password_reset_done, name="account_reset_password_done"),
    path(
        "password/reset/key/done",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
]
