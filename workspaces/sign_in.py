"""What sign-in leaves behind: the session's two clocks, and rows in the audit log of each of the person's workspaces.

Connected to Django's and axes' signals when the app is ready, so that no way in or out can forget them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.http import HttpRequest

from audit.event_types import EventType
from audit.models import AuditRow
from audit.record import record
from workspaces.accounts import login_name
from workspaces.idle import End
from workspaces.models import User
from workspaces.personal_record import record_for


def connect() -> None:
    """Listen to sign-in, its failures and sign-out."""
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_login_failed.connect(_failed, dispatch_uid="audit")
    user_locked_out.connect(_locked, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")


def end_session(request: HttpRequest, user: User, why: End) -> None:
    """Sign the person out by the clock: the session goes and the rows come in one transaction."""
    with transaction.atomic():
        record_for(user, EventType.SESSION_TIMED_OUT, details={"reason": why.value})
        request.session.flush()
    request.user = AnonymousUser()


def _signed_in(*, request: HttpRequest, user: User, **_: Any) -> None:
    request.session["born"] = request.session["seen"] = time.time()
    record_for(user, EventType.SIGNED_IN)


def _signed_out(*, user: User | None, **_: Any) -> None:
    if user is not None:
        record_for(user, EventType.SIGNED_OUT)


def _failed(*, credentials: Mapping[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    locked = bool(getattr(request, "axes_locked_out", False))
    _record_failure(EventType.SIGN_IN_FAILED, login_name(request, credentials), {"locked": locked})


def _locked(*, request: HttpRequest, username: str | None, **_: Any) -> None:
    # axes repeats the signal for each try at a locked account, but only a counted failure has closed the lock.
    failures = getattr(request, "axes_failures_since_start", None)
    if failures is not None:
        _record_failure(EventType.ACCOUNT_LOCKED, username, {"failures": failures})


def _record_failure(event_type: EventType, name: str | None, details: Mapping[str, object]) -> None:
    """Tell of a try at the account called `name`. What was typed for an unknown one may be a password: not kept."""
    user = User.objects.filter(email=name).first() if name else None
    if user:
        record_for(user, event_type, details=details, outcome=AuditRow.Outcome.FAILED)
    else:
        details = {**details, "account": "unknown"}
        record(event_type, actor=None, details=details, outcome=AuditRow.Outcome.FAILED)
