"""`manage.py receiver`: the demo's receiver, a page that shows what a webhook destination received."""

import signal
import sys
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management import BaseCommand

from segment_app import receiver
from segment_app.demo import mail_folder, receiver_folder, receiver_port


class Command(BaseCommand):
    """Run the demo's receiver until Ctrl-C."""

    help = "Run the demo's receiver on this machine: takes any POST and shows it on a page."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=receiver_port())

    def handle(self, *_: Any, **options: Any) -> None:
        signal.signal(signal.SIGTERM, _leave)
        receiver.serve(options["port"], receiver_folder() / "private-key.pem", mail_folder())


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)
