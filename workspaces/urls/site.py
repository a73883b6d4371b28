"""Pages outside any workspace: sign-in, the chooser, health."""

from allauth.account import views as account
from django.db.transaction import atomic
from django.urls import URLPattern, path, re_path

from workspaces.fresh import fresh_authentication_required
from workspaces.views import entrance, health, join, second_factors, second_steps, session, sign_in_link, your_account

urlpatterns: list[URLPattern] = [
    path("", entrance.root, name="root"),
    path("workspaces", entrance.chooser, name="workspaces"),
    path("goto-my-workspace", entrance.go_to_mine, name="goto_my_workspace"),
    path("goto-my-workspace/<path:rest>", entrance.go_to_mine, name="goto_my_workspace"),
    path("invitations/<str:secret>", join.accept_invitation, name="accept_invitation"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("session/left", session.left, name="session_left"),
    path("session/stay", session.stay, name="session_stay"),
    path("login", account.login, name="account_login"),
    path("login/link/<str:secret>", sign_in_link.sign_in_link, name="account_sign_in_link"),
    path("login/second-factor", second_steps.second_step, name="mfa_authenticate"),
    path("login/passkey", second_steps.sign_in_by_passkey, name="mfa_login_webauthn"),
    path("logout", account.logout, name="account_logout"),
    path("inactive", account.account_inactive, name="account_inactive"),
    path("signup", account.signup, name="account_signup"),
    path("reauthenticate", second_steps.confirm_by_password, name="account_reauthenticate"),
    path("reauthenticate/second-factor", second_steps.confirm_by_code, name="mfa_reauthenticate"),
    path("reauthenticate/passkey", second_steps.confirm_by_passkey, name="mfa_reauthenticate_webauthn"),
    path("settings/user/profile", your_account.profile, name="user_profile"),
    path("settings/user/sessions", your_account.sessions, name="user_sessions"),
    path("settings/user/sessions/end", your_account.end_one, name="user_session_end"),
    path("settings/user/sessions/end-others", your_account.end_others, name="user_sessions_end_others"),
    path("settings/user/mfa", second_factors.overview, name="mfa_index"),
    path("settings/user/mfa/totp/activate", second_factors.activate_app, name="mfa_activate_totp"),
    path("settings/user/mfa/totp/deactivate", second_factors.remove_app, name="mfa_deactivate_totp"),
    path("settings/user/mfa/recovery-codes", second_factors.recovery_codes, name="mfa_view_recovery_codes"),
    path(
        "settings/user/mfa/recovery-codes/generate",
        second_factors.generate_codes,
        name="mfa_generate_recovery_codes",
    ),
    path("settings/user/mfa/passkeys/add", second_factors.add_passkey, name="mfa_add_webauthn"),
    path("settings/user/mfa/passkeys/<int:pk>/remove", second_factors.remove_passkey, name="mfa_remove_webauthn"),
    path("settings/user/mfa/passkeys/<int:pk>/edit", second_factors.rename_passkey, name="mfa_edit_webauthn"),
    path("confirm-email", account.email_verification_sent, name="account_email_verification_sent"),
    re_path(r"^confirm-email/(?P<key>[-:\w]+)$", account.confirm_email, name="account_confirm_email"),
    path("password/change", atomic(account.password_change), name="account_change_password"),
    path("password/set", fresh_authentication_required(atomic(account.password_set)), name="account_set_password"),
    path("password/reset", account.password_reset, name="account_reset_password"),
    path("password/reset/done", account.password_reset_done, name="account_reset_password_done"),
    path(
        "password/reset/key/done",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)$",
        atomic(account.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
]
