"""Pages inside a workspace: home, sources, settings."""

from django.urls import URLPattern, path

from workspaces.views import debugger, home, invitations, labels, members, rights, settings, sources, support

urlpatterns: list[URLPattern] = [
    path("home", home.home, name="home"),
    path("sources", sources.my_sources, name="sources"),
    path("sources/catalog", sources.catalog, name="source_catalog"),
    path("sources/catalog/<slug:kind>", sources.kind, name="source_kind"),
    path("sources/catalog/<slug:kind>/add", sources.add, name="source_add"),
    path("sources/<slug:source_slug>/overview", sources.overview, name="source_overview"),
    path("sources/<slug:source_slug>/debugger", debugger.live, name="source_debugger"),
    path("sources/<slug:source_slug>/debugger/new", debugger.new_events, name="source_debugger_new"),
    path("sources/<slug:source_slug>/debugger/<slug:key>", debugger.pretty, name="source_debugger_pretty"),
    path("sources/<slug:source_slug>/debugger/<slug:key>/raw", debugger.raw, name="source_debugger_raw"),
    path("sources/<slug:source_slug>/settings", sources.settings, name="source_settings"),
    path("sources/<slug:source_slug>/labels", labels.of_source, name="source_labels"),
    path("settings/access-management", members.members, name="members"),
    path("settings/access-management/users.csv", members.members_csv, name="members_csv"),
    path("settings/access-management/users/<uuid:membership_id>", members.member, name="member"),
    path("settings/access-management/users/<uuid:membership_id>/remove", members.remove, name="member_remove"),
    path("settings/access-management/invite", invitations.invite, name="invite"),
    path("settings/access-management/invitations", invitations.invitations, name="invitations"),
    path("settings/access-management/invitations/<uuid:invitation_id>", invitations.invitation, name="invitation"),
    path(
        "settings/access-management/invitations/<uuid:invitation_id>/resend",
        invitations.resend,
        name="invitation_resend",
    ),
    path(
        "settings/access-management/invitations/<uuid:invitation_id>/revoke",
        invitations.revoke,
        name="invitation_revoke",
    ),
    path("settings/labels", labels.labels, name="labels"),
    path("settings/labels/<uuid:label_id>/delete", labels.delete, name="label_delete"),
    path("settings/who-can-do-what", rights.who_can_do_what, name="who_can_do_what"),
    path("settings/basic", settings.basic, name="settings_basic"),
    path("settings/support-access", support.support_access, name="support_access"),
    path("settings/support-access/revoke", support.revoke, name="support_access_revoke"),
    path("settings/hipaa/eligible-products", settings.eligible_products, name="settings_eligible_products"),
    path("settings/hipaa/architecting", settings.architecting, name="settings_architecting"),
]
