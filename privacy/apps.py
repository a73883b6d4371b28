from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    name = "privacy"

    def ready(self) -> None:
        from privacy.ingest_controls import controls_of
        from workspaces.tracking.controls import provide

        provide(controls_of)
