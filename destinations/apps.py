from django.apps import AppConfig


class DestinationsConfig(AppConfig):
    name = "destinations"

    def ready(self) -> None:
        from destinations.device_mode import plugins_of
        from destinations.encryption.uses import encrypting
        from privacy import uses
        from workspaces.tracking import browser_settings

        uses.register(encrypting)
        browser_settings.register(plugins_of)
