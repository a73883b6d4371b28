"""The add-destination wizard as data: its steps in order, and which of them a draft may open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from destinations.models import Draft


@dataclass(frozen=True, slots=True)
class Step:
    """One page of the wizard. `route` is its URL name; the title is the documented one."""

    title: str
    route: str
    is_answered_in: Callable[[Draft], bool]


def _has_source(draft: Draft) -> bool:
    return draft.source_id is not None


def _never(_: Draft) -> bool:
    """The last step is answered by creating the destination, which ends the draft."""
    return False


SELECT_SOURCE = Step("Select data source", "setup_source", _has_source)
SETUP = Step("Setup", "setup_settings", _never)
STEPS: tuple[Step, ...] = (SELECT_SOURCE, SETUP)


def current_step(draft: Draft) -> Step:
    """The first step whose answers are still missing."""
    return next(step for step in STEPS if not step.is_answered_in(draft))


def may_open(step: Step, draft: Draft) -> bool:
    """Whether every step before `step` is answered: answered steps can be gone back to, none skipped."""
    return STEPS.index(step) <= STEPS.index(current_step(draft))
