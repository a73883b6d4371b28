"""Which log a command is asked about."""

from __future__ import annotations

import uuid

from django.core.management import CommandError

from audit.proof.verification import workspaces
from workspaces.models import Workspace


def log_of(text: str) -> str:
    """The workspace of a log by its slug or id; empty is the log of no workspace.

    A workspace may be gone and its log there. Raises CommandError for what has neither: checked, it would be true.
    """
    found = Workspace.objects.filter(slug=text).first() or _by_id(text)
    if found:
        return str(found.pk)
    if not text or text in workspaces():
        return text
    raise CommandError(
        f"There is no log of {text!r}. Give a workspace's slug, the first part of its addresses, or its id."
    )


def _by_id(text: str) -> Workspace | None:
    try:
        return Workspace.objects.filter(pk=uuid.UUID(text)).first()
    except ValueError:
        return None
