"""Warns owners by mail that their BAA is about to expire, once for each expiry, from `baa.WARN_AHEAD` on."""

from __future__ import annotations

import logging
import uuid

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import F, Q
from django.template.loader import render_to_string
from django.utils import timezone

from audit.event_types import EventType
from audit.record import record
from workspaces import baa
from workspaces.members import owners_of
from workspaces.models import Workspace

logger = logging.getLogger(__name__)


def warn_owners() -> int:
    """Warn the owners of every workspace that is due; how many workspaces were. For the worker.

    A mail that cannot be sent is tried again at the next call; one that was sent is not repeated, whoever else calls.
    """
    today = timezone.now().date()
    soon = Workspace.objects.filter(baa_expires_on__range=(today, today + baa.WARN_AHEAD))
    due = soon.filter(Q(baa_warned_for=None) | ~Q(baa_warned_for=F("baa_expires_on")))
    return sum(_warn(workspace_id) for workspace_id in list(due.values_list("pk", flat=True)))


def _warn(workspace_id: uuid.UUID) -> bool:
    try:
        with transaction.atomic():
            # Locked until the mail is out: another worker waits, and then finds that it is.
            workspace = Workspace.objects.select_for_update().get(pk=workspace_id)
            return _send(workspace)
    except OSError as error:  # every fault of a mail server is one
        logger.warning("the mail about a BAA of workspace %s was not sent: %s", workspace_id, type(error).__name__)
        return False


def _send(workspace: Workspace) -> bool:
    days_left = workspace.baa_days_left
    addresses = sorted(owners_of(workspace).values_list("email", flat=True).distinct())
    warned = workspace.baa_warned_for == workspace.baa_expires_on
    if warned or days_left is None or not workspace.is_hipaa_eligible or not addresses:
        return False
    workspace.baa_warned_for = workspace.baa_expires_on
    workspace.save(update_fields=["baa_warned_for"])
    record(
        EventType.WORKSPACE_BAA_WARNED,
        actor=None,
        workspace_id=workspace.pk,
        subject=workspace,
        details={"expires_on": str(workspace.baa_expires_on), "days_left": days_left, "owners": addresses},
    )
    facts = {"workspace": workspace, "days_left": days_left, "site": settings.SITE_URL}
    subject = render_to_string("workspaces/mail/baa_expires_subject.txt", facts).strip()
    send_mail(subject, render_to_string("workspaces/mail/baa_expires.txt", facts), None, addresses)
    return True
