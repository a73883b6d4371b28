"""Rows of a log of its own, and everybody's means to bypass what protects them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from audit import append_only
from audit.models import AuditRow
from audit.proof.tree import seal_some
from tests.audit.proof.making import START, Editor


@pytest.fixture
def add(db: None) -> Callable[..., list[AuditRow]]:
    """Adds rows to the log of workspace "w"."""

    def add_rows(count: int = 1, **facts: Any) -> list[AuditRow]:
        given = {"workspace_id": "w", "event_type": "Source Viewed", **facts}
        return AuditRow.objects.bulk_create(AuditRow(**given, object_label=f"row {n}") for n in range(count))

    return add_rows


@pytest.fixture
def seal() -> Callable[[], dict[str, int]]:
    """Seals everything; how many rows of each workspace."""

    def seal_all() -> dict[str, int]:
        counts: dict[str, int] = {}
        last = START
        while last is not None:
            sealed, last = seal_some(last)
            for workspace_id, count in sealed.items():
                counts[workspace_id] = counts.get(workspace_id, 0) + count
        return counts

    return seal_all


@pytest.fixture
def unprotected(db: None) -> Callable[..., None]:
    """Runs SQL as somebody who has dropped the triggers."""
    append_only.remove(Editor())  # type: ignore[arg-type]

    def run(statement: str, *values: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)

    return run
