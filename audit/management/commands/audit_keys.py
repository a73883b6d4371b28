"""`manage.py audit_keys`: the public keys of the audit log, to be kept where the database cannot reach."""

import base64
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand

from audit.management.logs import log_of
from audit.proof.checkpoints import public_keys, published_keys


class Command(BaseCommand):
    """Print public keys; never the private one."""

    help = (
        "Print the public keys that check a workspace's audit log, and the one to keep when AUDIT_SIGNING_KEY changes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "workspace", nargs="?", default="", help="the workspace's slug or id; without it, rows of no workspace"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        for line in published_keys(log_of(options["workspace"])):
            self.stdout.write(line)
        own = base64.b64encode(public_keys()[0]).decode()
        self.stdout.write(f"Before you change AUDIT_SIGNING_KEY, add this to AUDIT_OLD_PUBLIC_KEYS: {own}")
