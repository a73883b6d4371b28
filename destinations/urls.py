"""Destinations: the list, the catalog, the wizard, one destination."""

from django.urls import URLPattern, path

from destinations.views import catalog, destination, listing, setup

urlpatterns: list[URLPattern] = [
    path("destinations", listing.my_destinations, name="destinations"),
    path("destinations/catalog", catalog.catalog, name="destination_catalog"),
    path("destinations/catalog/<slug:kind>", catalog.kind, name="destination_kind"),
    path("destinations/catalog/<slug:kind>/setup", setup.start, name="setup_start"),
    path("destinations/setup/<uuid:draft_id>/source", setup.source, name="setup_source"),
    path("destinations/setup/<uuid:draft_id>/settings", setup.settings, name="setup_settings"),
    path("destinations/setup/<uuid:draft_id>/keys", setup.keys, name="setup_keys"),
    path("destinations/<uuid:destination_id>", destination.start, name="destination"),
    path("destinations/<uuid:destination_id>/delivery", destination.delivery, name="destination_delivery"),
    path("destinations/<uuid:destination_id>/encryption", destination.encryption, name="destination_encryption"),
    path("destinations/<uuid:destination_id>/settings", destination.settings, name="destination_settings"),
]
