"""The project itself as an app: commands, checks and template tags."""

from django.apps import AppConfig


class SegmentAppConfig(AppConfig):
    name = "segment_app"

    def ready(self) -> None:
        from segment_app import checks  # noqa: F401  (registers the system checks once apps are loaded)
