from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from audit import partitions

        post_migrate.connect(partitions.after_migration, sender=self)
