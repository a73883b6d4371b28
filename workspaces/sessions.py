"""A person's own sessions: where they are signed in, and ending them. allauth adds the rows at sign-in."""

from __future__ import annotations

from collections.abc import Sequence

from allauth.usersessions.models import UserSession
from django.db import transaction

from audit.event_types import EventType
from workspaces.models import User
from workspaces.personal_record import record_for


def sessions_of(user: User) -> Sequence[UserSession]:
    """The person's live sessions, last used first."""
    return sorted(UserSession.objects.purge_and_list(user), key=lambda session: session.last_seen_at, reverse=True)


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
def end_session(user: User, session_id: int) -> bool:
    """End one of the person's own sessions; whether there was one with that id."""
    session = UserSession.objects.filter(user=user, pk=session_id).first()
    if session is None:
        return False
    session.end()
    record_for(user, EventType.SESSIONS_ENDED, details={"sessions_ended": 1})
    return True
