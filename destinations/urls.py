"""Destinations: the list, the catalog, the wizard, one destination."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
