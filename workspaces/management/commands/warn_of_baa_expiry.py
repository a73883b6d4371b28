"""`manage.py warn_of_baa_expiry`: mail owners whose BAA is about to expire, as the workers do every few minutes."""

from typing import Any

from django.core.management import BaseCommand

from workspaces.baa_warnings import warn_owners


class Command(BaseCommand):
    """Warn every owner who is due, once for each expiry."""

    help = "Mail the owners of workspaces whose BAA expires within 30 days; nobody is warned twice of one expiry."

    def handle(self, *_: Any, **__: Any) -> None:
        self.stdout.write(f"workspaces warned: {warn_owners()}")
