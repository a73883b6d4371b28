"""`manage.py export_audit WORKSPACE FILE --reason TEXT`: the log for a request on paper, itself in the log."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware

from audit.export import Format, start_export
from audit.ids import within_reach
from audit.queries import Question
from workspaces.models import Workspace


class Command(BaseCommand):
    """Write a workspace's audit log to a new file that its owner alone can read."""

    help = "Write the HIPAA audit log of a workspace to a file. The export is recorded with its reason."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which workspace, where to, which rows and why."""
        parser.add_argument("workspace", help="the workspace's slug")
        parser.add_argument("file", type=Path, help="a file that does not exist yet")
        parser.add_argument("--reason", required=True, help="who asked for it, such as a ticket; stands in the log")
        parser.add_argument("--form", choices=[each.value for each in Format], default="csv")
        parser.add_argument("--since", default="", help="with its offset, such as 2026-01-01T00:00:00Z")
        parser.add_argument("--until", default="", help="as --since; the moment itself is left out")

    def handle(self, *_: Any, workspace: str, file: Path, reason: str, form: str, **options: Any) -> None:
        """Record the export, then write the rows; a file that exists is left alone."""
        found = Workspace.objects.filter(slug=workspace).first()
        if found is None:
            raise CommandError(f"There is no workspace {workspace!r}. Its slug is the first part of its addresses.")
        if not reason.strip():
            raise CommandError("Say in --reason who asked for the log.")
        question = Question(since=_moment(options["since"]), until=_moment(options["until"]))
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise CommandError(f"{file} cannot be made: {error.strerror}.") from error
        with os.fdopen(handle, "wb") as out:
            for piece in start_export(found, question, actor=None, form=Format(form), reason=reason.strip()):
                out.write(piece.encode() if isinstance(piece, str) else piece)
        self.stdout.write(f"written: {file}")


def _moment(text: str) -> datetime | None:
    """A moment with its offset, or None where nothing was said."""
    if not text:
        return None
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or not is_aware(moment):
        raise CommandError(f"{text!r} is not a moment. Write it with its offset, such as 2026-01-01T00:00:00Z.")
    return within_reach(moment)
