"""`manage.py demo`: make the demo workspace if there is none and say how to use it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, call_command

from segment_app.demo import ensure_demo, sign_in_link


class Command(BaseCommand):
    """Print the demo's address, sign-in and write key."""

    help = "Make the demo workspace if there is none and print how to use it; --json prints it for scripts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of text")

    def handle(self, *_: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        demo = ensure_demo()
        self.stdout.write(demo.as_json() if options["json"] else demo.welcome(sign_in_link()))
