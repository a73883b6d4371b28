"""Pages inside a workspace: home, sources, settings."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
