"""`manage.py verify_audit`: is the audit log what was sealed and signed?"""

from __future__ import annotations

import json
import uuid
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.db import transaction

from audit.event_types import EventType
from audit.management.logs import log_of
from audit.models import AuditRow
from audit.proof.evidence import row_proof
from audit.proof.verification import verify, workspaces
from audit.proof.verifier import Untrue
from audit.record import record


class Command(BaseCommand):
    """Check every log, or one; exits with 1 and the first row that is not what was sealed. Each look is recorded."""

    help = (
        "Check the audit log against its seals and signatures, and the copies in AUDIT_CHECKPOINT_DIR where it is set."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", help="slug or id of one workspace; empty for rows of no workspace")
        parser.add_argument("--prove", metavar="ROW_ID", help="print a proof of this row alone instead")

    def handle(self, *_: Any, **options: Any) -> None:
        if options["prove"]:
            self.stdout.write(_proof(options["prove"]))
            return
        copies = _copies()
        asked = workspaces(copies) if options["workspace"] is None else [log_of(options["workspace"])]
        found = [self._is_true(each, copies) for each in asked]
        if not all(found):
            raise CommandError("the audit log is not what was sealed")

    def _is_true(self, workspace_id: str, copies: Path | None) -> bool:
        name = workspace_id or "rows of no workspace"
        try:
            verified = verify(workspace_id, copies=copies)
        except Untrue as untrue:
            self.stdout.write(f"FAIL {name}: {untrue}")
            _record(workspace_id, {"found": str(untrue)}, AuditRow.Outcome.FAILED)
            return False
        gone = f", {verified.purged} rows purged under signed tombstones" if verified.purged else ""
        same = ", as their copies" if copies else ""
        self.stdout.write(f"PASS {name}: {verified.rows} rows, {verified.checkpoints} checkpoints{same}{gone}")
        told: dict[str, object] = {"rows": verified.rows}
        if verified.purged:
            told["purged"] = verified.purged
        _record(workspace_id, told, AuditRow.Outcome.DONE)
        return True


def _copies() -> Path | None:
    """The folder of copies, where one is set; one that is not there says nothing and must not pass for agreement."""
    if not settings.AUDIT_CHECKPOINT_DIR:
        return None
    folder = Path(settings.AUDIT_CHECKPOINT_DIR)
    if not folder.is_dir():
        raise CommandError(f"AUDIT_CHECKPOINT_DIR is {folder}, and there is no such folder: nothing was checked.")
    return folder


def _record(workspace_id: str, details: dict[str, object], outcome: AuditRow.Outcome) -> None:
    verified = EventType.HIPAA_AUDIT_LOG_VERIFIED
    record(verified, actor=None, workspace_id=workspace_id, details=details, outcome=outcome)


def _proof(row_id: str) -> str:
    try:
        with transaction.atomic():
            proof = row_proof(uuid.UUID(row_id))
            told = json.loads(proof["row"])["workspace_id"]
            proved = EventType.HIPAA_AUDIT_ROW_PROVED
            record(proved, actor=None, workspace_id=told, details={"row": row_id})
    except ValueError:
        raise CommandError(f"{row_id} is no row's id: it looks like {uuid.UUID(int=7)}") from None
    except LookupError as error:
        raise CommandError(str(error.args[0])) from None
    return json.dumps(proof, indent=1)
