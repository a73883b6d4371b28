"""What must not get into the event log: fields to remove and end users whose events are dropped.

The privacy app knows both and stands to the right of this one, so it hands in a provider when it is ready.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

SUPPRESSED = "suppressed_user"  # the code that dropped events are counted under


class Blocker(Protocol):
    """Says of a field whether it must not be stored."""

    def may_block(self, key: str) -> bool:
        """Whether a field under this key could be meant. Asked of every key."""
        ...

    def field_at(self, path: str) -> str:
        """The inventory field that blocks the field at this path (keys joined by dots); "" where it may be stored."""
        ...


@dataclass(frozen=True, slots=True)
class Controls:
    """What holds for one source. None: nothing is blocked, nobody is suppressed."""

    blocker: Blocker | None = None
    is_suppressed: Callable[[str], bool] | None = None  # asked of user ids

    def __bool__(self) -> bool:
        return self.blocker is not None or self.is_suppressed is not None


NOTHING = Controls()
Provider = Callable[[uuid.UUID, uuid.UUID], Controls]

_providers: list[Provider] = []


def provide(provider: Provider) -> None:
    """Let `provider` say what holds, by workspace and source id. It may ask the database; answers are kept a while."""
    _providers[:] = [provider]


def controls_of(workspace_id: uuid.UUID, source_id: uuid.UUID) -> Controls:
    """What holds for the source now."""
    return _providers[0](workspace_id, source_id) if _providers else NOTHING
