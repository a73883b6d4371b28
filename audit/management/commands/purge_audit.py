"""`manage.py purge_audit`: remove now what the sealer removes every day, or say what that would be."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from audit.models import AuditPurgeRun
from audit.proof import purging
from audit.proof.checkpoints import sealed_workspaces
from audit.proof.verifier import Untrue
from audit.retention import due, kept


class Command(BaseCommand):
    """Purge every log; exits with 1 where a row is not what was sealed, and leaves that log as it is."""

    help = "Remove rows of the audit log past their retention, under signed tombstones; the sealer does so daily."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would go, and remove nothing")

    def handle(self, *_: Any, **options: Any) -> None:
        if options["dry_run"]:
            for workspace_id in sealed_workspaces():
                self.stdout.write(f"{_name(workspace_id)}: {_would(workspace_id)}")
            return
        refusals = []
        for found in purging.purge(AuditPurgeRun.objects.create(started_at=timezone.now())):
            if isinstance(found, Untrue):
                refusals.append(str(found))
                continue
            self.stdout.write(f"{_name(found.workspace_id)}: removed {found.count} rows, from row {found.first} on")
        for workspace_id in filter(purging.is_being_downloaded, sealed_workspaces()):
            self.stdout.write(f"{_name(workspace_id)}: {_would(workspace_id)}")
        if refusals:
            raise CommandError("\n".join(refusals))


def _name(workspace_id: str) -> str:
    return workspace_id or "rows of no workspace"


def _would(workspace_id: str) -> str:
    rules = kept(workspace_id)
    if rules.held:
        return "on legal hold, nothing goes"
    if purging.is_being_downloaded(workspace_id):
        return "downloaded within six hours, nothing goes until those are over"
    return f"rows older than {rules.years} years, {due(workspace_id, timezone.now())} to go"
