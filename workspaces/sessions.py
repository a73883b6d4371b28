"""A person's own sessions: where they are signed in, and ending them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from audit.event_types import EventType
from workspaces import idle
from workspaces.access import has_hipaa_access
from workspaces.accounts import UNKNOWN_ADDRESS, client_address
from workspaces.devices import device_of
from workspaces.models import User
from workspaces.personal_record import record_for

LONGEST_USER_AGENT = UserSession._meta.get_field("user_agent").max_length


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Where and since when somebody is signed in. `address` is that of the sign-in, empty where it was not known."""

    id: int
    device: str
    address: str
    signed_in_at: datetime
    last_used_at: datetime
    is_current: bool


def note_session(request: HttpRequest, user: User) -> None:
    """Remember the session that has just begun, so that it can be listed and ended. Part of every kind of sign-in.

    allauth does so only for those that go by its own pages, which a link from the command line does not.
    """
    if not request.session.session_key:
        request.session.save()
    facts = {
        "user": user,
        "ip": client_address(request) or UNKNOWN_ADDRESS,
        "user_agent": request.headers.get("User-Agent", "")[:LONGEST_USER_AGENT],
    }
    UserSession.objects.update_or_create(session_key=request.session.session_key, defaults=facts)


def follow_new_key(request: HttpRequest, *, before: str) -> None:
    """Find the session under the key it has now: Django changes it with a password, while its person stays in."""
    UserSession.objects.filter(session_key=before).update(session_key=request.session.session_key)


def sessions_of(user: User, *, current: str) -> Sequence[OpenSession]:
    """The person's sessions that still live by every rule: the one with key `current` first, then the last used.

    When one was last used stands in the session itself: every action moves it, what a page asks for by itself does not.
    """
    rows = {row.session_key: row for row in UserSession.objects.filter(user=user)}
    stored = Session.objects.filter(pk__in=rows, expire_date__gt=timezone.now())
    hipaa = has_hipaa_access(user)
    living = [(rows[each.pk], data) for each in stored if _lives(data := each.get_decoded(), user, hipaa=hipaa)]
    found = [_as_open(row, data, current) for row, data in living]
    return sorted(found, key=lambda each: (each.is_current, each.last_used_at), reverse=True)


def is_signed_in(user_id: uuid.UUID) -> bool:
    """Whether any session of the person still lives by every rule."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    return user is not None and bool(sessions_of(user, current=""))


def _lives(data: Mapping[str, Any], user: User, *, hipaa: bool) -> bool:
    """Whether the next request of the session would be let in: not timed out, and not older than the password."""
    end = idle.session_end(now=time.time(), born=data.get("born"), seen=data.get("seen"), hipaa=hipaa)
    return end is None and constant_time_compare(data.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())


def _as_open(row: UserSession, data: Mapping[str, Any], current: str) -> OpenSession:
    return OpenSession(
        id=row.pk,
        device=device_of(row.user_agent),
        address="" if row.ip == UNKNOWN_ADDRESS else row.ip,
        signed_in_at=datetime.fromtimestamp(data["born"], UTC),
        last_used_at=datetime.fromtimestamp(data["seen"], UTC),
        is_current=row.session_key == current,
    )


def end_sessions(user: User, *, but: str = "") -> int:
    """End every session of the person but the one with key `but`; how many. The next request of each is signed out.

    Called by verbs, inside their transaction; they record it.
    """
    mine = UserSession.objects.filter(user=user).exclude(session_key=but)
    ended = 0
    for session in mine:
        session.end()
        ended += 1
    return ended


@transaction.atomic
def sign_out_everywhere(user: User, *, but: str) -> int:
    """End the person's other sessions at their own wish; how many there were."""
    ended = end_sessions(user, but=but)
    record_for(user, EventType.SESSIONS_ENDED, details={"sessions_ended": ended})
    return ended


@transaction.atomic
def end_sessions_by_support(user: User, *, actor: User) -> int:
    """End every session of the person, told in each workspace of theirs; how many there were. Support staff only.

    Raises PermissionDenied.
    """
    if not (actor.is_active and actor.is_staff and actor.has_perm("workspaces.change_user")):
        raise PermissionDenied("end somebody's sessions")
    ended = end_sessions(user)
    record_for(user, EventType.SESSIONS_ENDED, actor=actor, details={"sessions_ended": ended})
    return ended


@transaction.atomic
def end_session(user: User, session_id: int, *, but: str) -> bool:
    """End one of the person's own sessions, other than the one with key `but`; whether there was one with that id."""
    session = UserSession.objects.filter(user=user, pk=session_id).exclude(session_key=but).first()
    if session is None:
        return False
    session.end()
    record_for(user, EventType.SESSIONS_ENDED, details={"sessions_ended": 1})
    return True
