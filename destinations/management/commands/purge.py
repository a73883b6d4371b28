"""`manage.py purge`: throw away now what the workers throw away every few minutes."""

from typing import Any

from django.core.management import BaseCommand

from destinations.pipeline.forgetting import OldRecords
from destinations.pipeline.housekeeping import clean_up
from workspaces.event_log import open_reader


class Command(BaseCommand):
    """Remove what is past its retention. Partitions that a running worker has leased are left to it."""

    help = "Remove log entries past EVENT_RETENTION_DAYS, old ids, bodies and records, left drafts and sessions."

    def handle(self, *_: Any, **__: Any) -> None:
        log = open_reader()
        leased = [partition for partition in log.partitions() if log.lease(partition)]
        removed = {**clean_up(log, leased), "records of deliveries": OldRecords().remove_all()}
        for what, count in removed.items():
            self.stdout.write(f"{what}: {count}")
        log.close()
