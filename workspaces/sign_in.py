"""What sign-in leaves behind: the session's two clocks, and rows in the audit log of each of the person's workspaces.
The same goes for confirming who one is, and for a new password.

Connected to Django's and axes' signals when the app is ready, so that no way in or out can forget them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.account.signals import authentication_step_completed, password_changed, password_reset, password_set
from allauth.mfa.signals import authentication_failed
from allauth.usersessions.models import UserSession
from axes.signals import user_locked_out
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest

from audit.event_types import EventType
from audit.models import AuditRow
from audit.record import record
from workspaces.access import has_hipaa_access
from workspaces.accounts import login_name
from workspaces.idle import End, session_end
from workspaces.lockout import count_wrong_code
from workspaces.models import User
from workspaces.notices import tell
from workspaces.personal_record import record_for
from workspaces.sessions import note_session

LEFT_FOR = 60 * 60  # seconds


def connect() -> None:
    """Listen to sign-in, its failures, sign-out and new passwords."""
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_login_failed.connect(_failed, dispatch_uid="audit")
    authentication_failed.connect(count_wrong_code, dispatch_uid="lockout")
    user_locked_out.connect(_locked, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")
    authentication_step_completed.connect(_step_completed, dispatch_uid="audit")
    for changed in (password_changed, password_reset, password_set):
        changed.connect(_password_changed, dispatch_uid="audit")


def end_session(request: HttpRequest, user: User, why: End) -> None:
    """Sign the person out by the clock: the session goes and the rows come in one transaction.

    Two tabs may come at once. Only the one that finds the session records its end.
    """
    with transaction.atomic():
        ended, _ = Session.objects.filter(pk=request.session.session_key).delete()
        if ended:
            record_for(user, EventType.SESSION_TIMED_OUT, details={"reason": why.value})
        request.session.flush()
    request.user = AnonymousUser()


def end_overdue_sessions() -> int:
    """End the sessions whose time is over and to which nobody came back for an hour; how many. For the worker.

    Whoever comes back sooner is signed out then, and the sign-in page knows why. Sessions that are gone are forgotten.
    """
    rows, now = list(UserSession.objects.select_related("user")), time.time()
    stored = Session.objects.in_bulk([row.session_key for row in rows])
    ended = 0
    for row in rows:
        data = stored[row.session_key].get_decoded() if row.session_key in stored else {}
        born, seen = data.get("born"), data.get("seen")
        if seen is None or now - seen >= LEFT_FOR:
            end = session_end(now=now, born=born, seen=seen, hipaa=has_hipaa_access(row.user))
            ended += end is not None and _end_left(row, end)
    SessionStore.clear_expired()
    return ended


@transaction.atomic
def _end_left(row: UserSession, why: End) -> bool:
    ended, _ = Session.objects.filter(pk=row.session_key).delete()
    if ended:
        record_for(row.user, EventType.SESSION_TIMED_OUT, details={"reason": why.value})
    row.delete()
    return bool(ended)


def passkey_failed(user: User | None) -> None:
    """Tell of a passkey that was not accepted; it counts towards no lock (workspaces.lockout).

    None where it signs in by itself: whose it claims to be is the browser's word.
    """
    _record_failure(EventType.SIGN_IN_FAILED, user.email if user else None, {"locked": False, "step": "passkey"})


def _signed_in(*, request: HttpRequest, user: User, **_: Any) -> None:
    request.session.cycle_key()  # Django keeps the key where the same person signs in once more
    request.session["born"] = request.session["seen"] = time.time()
    note_session(request, user)
    ways = [record.get("type", record["method"]) for record in get_authentication_records(request, user)]
    record_for(user, EventType.SIGNED_IN, details={"by": ways} if ways else None)


def _step_completed(*, user: User, method: str, **facts: Any) -> None:
    """The steps of a sign-in end in a row of its own; a confirmation by somebody who is signed in is one."""
    if facts.get("reauthenticated"):
        record_for(user, EventType.REAUTHENTICATED, details={"by": facts.get("type", method)})


def _password_changed(*, user: User, signal: Any, **_: Any) -> None:
    record_for(user, EventType.PASSWORD_CHANGED, details={"by": "reset link" if signal is password_reset else "form"})
    tell(user, "The password was changed")


def _signed_out(*, user: User | None, **_: Any) -> None:
    if user is not None:
        record_for(user, EventType.SIGNED_OUT)


def _failed(*, credentials: Mapping[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    details: dict[str, object] = {"locked": bool(getattr(request, "axes_locked_out", False))}
    if credentials.get("step") == "code":
        details["step"] = "code"
    _record_failure(EventType.SIGN_IN_FAILED, login_name(request, credentials), details)


def _locked(*, request: HttpRequest, username: str | None, **_: Any) -> None:
    # axes repeats the signal for each try at a locked account, but only a counted failure has closed the lock.
    failures = getattr(request, "axes_failures_since_start", None)
    if failures is None:
        return
    if getattr(request, "is_address_locked", False):
        record(EventType.ADDRESS_LOCKED, actor=None, details={"failures": failures}, outcome=AuditRow.Outcome.FAILED)
    else:
        _record_failure(EventType.ACCOUNT_LOCKED, username, {"failures": failures})


def _record_failure(event_type: EventType, name: str | None, details: Mapping[str, object]) -> None:
    """Tell of a try at the account called `name`. What was typed for an unknown one may be a password: not kept."""
    user = User.objects.filter(email=name).first() if name else None
    if user:
        record_for(user, event_type, details=details, outcome=AuditRow.Outcome.FAILED)
    else:
        details = {**details, "account": "unknown"}
        record(event_type, actor=None, details=details, outcome=AuditRow.Outcome.FAILED)
