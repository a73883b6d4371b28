"""What uses a custom matcher outside this app. Other apps say how to find that: this one knows nothing of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Use:
    """One thing that refers to a matcher by its name, or to one of its synonyms."""

    label: str  # such as a destination's name
    term: str  # the name or synonym it refers to
    url_name: str  # of its page: takes the workspace's slug and `object_id`
    object_id: uuid.UUID


Finder = Callable[[uuid.UUID, Collection[str]], list[Use]]
"""Workspace and terms (a matcher's name, its synonyms) to what refers to any of them by exactly that spelling."""

_finders: list[Finder] = []


def register(finder: Finder) -> None:
    """Let `finder` be asked. Called once, when its app is ready."""
    if finder not in _finders:
        _finders.append(finder)


def uses_of(workspace_id: uuid.UUID, terms: Collection[str]) -> list[Use]:
    """Everything that refers to one of the terms."""
    return [use for finder in _finders for use in finder(workspace_id, terms)]
