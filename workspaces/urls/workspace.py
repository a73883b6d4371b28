"""Pages inside a workspace: home, sources, settings."""

from django.urls import URLPattern, path

from workspaces.views import home, settings, sources

urlpatterns: list[URLPattern] = [
    path("home", home.home, name="home"),
    path("sources", sources.my_sources, name="sources"),
    path("sources/catalog", sources.catalog, name="source_catalog"),
    path("sources/catalog/<slug:kind>", sources.kind, name="source_kind"),
    path("sources/catalog/<slug:kind>/add", sources.add, name="source_add"),
    path("sources/<slug:source_slug>/overview", sources.overview, name="source_overview"),
    path("sources/<slug:source_slug>/settings", sources.settings, name="source_settings"),
    path("settings/basic", settings.basic, name="settings_basic"),
    path("settings/hipaa/eligible-products", settings.eligible_products, name="settings_eligible_products"),
    path("settings/hipaa/architecting", settings.architecting, name="settings_architecting"),
]
