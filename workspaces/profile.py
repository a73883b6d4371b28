"""A person's own profile: the name others see. The address is their identity and is changed by support staff alone."""

from __future__ import annotations

from django.db import transaction

from audit.event_types import EventType
from workspaces.models import User
from workspaces.personal_record import record_for


@transaction.atomic
def change_profile(user: User, *, name: str) -> bool:
    """Set what the person is called; whether anything changed. Recorded in each workspace of theirs."""
    before = user.name
    if name == before:
        return False
    User.objects.filter(pk=user.pk).update(name=name)
    user.name = name
    record_for(user, EventType.PROFILE_MODIFIED, details={"changed": ["name"], "name": [before, name]})
    return True
