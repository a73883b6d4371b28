"""Pages outside any workspace: sign-in, the chooser, health."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from django.urls import URLPattern, path, re_path

from workspaces.views import entrance, health, sign_in_link

urlpatterns: list[URLPattern] = [
    path("", entrance.root, name="root"),
    path("workspaces", entrance.chooser, name="workspaces"),
    path("goto-my-workspace", entrance.go_to_mine, name="goto_my_workspace"),
    path("goto-my-workspace/<path:rest>", entrance.go_to_mine, name="goto_my_workspace"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("login", account.login, name="account_login"),
    path("login/link/<str:secret>", sign_in_link.sign_in_link, name="account_sign_in_link"),
    path("login/second-factor", mfa.authenticate, name="mfa_authenticate"),
    path("login/passkey", passkeys.login_webauthn, name="mfa_login_webauthn"),
    path("logout", account.logout, name="account_logout"),
    path("inactive", account.account_inactive, name="account_inactive"),
    path("signup", account.signup, name="account_signup"),
    path("reauthenticate", account.reauthenticate, name="account_reauthenticate"),
    path("reauthenticate/second-factor", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("reauthenticate/passkey", passkeys.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("settings/user/mfa", mfa.index, name="mfa_index"),
    path("settings/user/mfa/totp/activate", totp.activate_totp, name="mfa_activate_totp"),
    path("settings/user/mfa/totp/deactivate", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("settings/user/mfa/recovery-codes", recovery_codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path(
        "settings/user/mfa/recovery-codes/generate",
        recovery_codes.generate_recovery_codes,
        name="mfa_generate_recovery_codes",
    ),
    path(
        "settings/user/mfa/recovery-codes/download",
        recovery_codes.download_recovery_codes,
        name="mfa_download_recovery_codes",
    ),
    path("settings/user/mfa/passkeys", passkeys.list_webauthn, name="mfa_list_webauthn"),
    path("settings/user/mfa/passkeys/add", passkeys.add_webauthn, name="mfa_add_webauthn"),
    path("settings/user/mfa/passkeys/<int:pk>/remove", passkeys.remove_webauthn, name="mfa_remove_webauthn"),
    path("settings/user/mfa/passkeys/<int:pk>/edit", passkeys.edit_webauthn, name="mfa_edit_webauthn"),
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
