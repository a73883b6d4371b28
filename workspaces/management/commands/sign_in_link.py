"""`manage.py sign_in_link EMAIL`: a link that signs this person in once, within the hour."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from workspaces.models import User
from workspaces.sign_in_links import make_link


class Command(BaseCommand):
    """Print a link for somebody who cannot sign in any other way. Making and using it stand in the audit log."""

    help = "Print a link that signs the person with this e-mail address in, once, within the hour."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *_: Any, **options: Any) -> None:
        user = User.objects.filter(email=options["email"].lower(), is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active account of {options['email']}.")
        self.stdout.write(make_link(user))
