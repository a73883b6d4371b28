"""What the tests of sealing share."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection
from django.utils import timezone

from audit.ids import lowest_id_at
from audit.models import AuditRow

START = uuid.UUID(int=0)
DAYS_OF_A_YEAR = 365.25


def old_rows(count: int, *, years: float = 7.5, **facts: Any) -> list[AuditRow]:
    """Rows as if they had been written that long ago, a minute from each other."""
    first = timezone.now() - timedelta(days=years * DAYS_OF_A_YEAR)
    given = {"workspace_id": "w", "event_type": "Source Viewed", **facts}
    rows = []
    for number in range(count):
        written = first + timedelta(minutes=number)
        own = uuid.UUID(int=lowest_id_at(written).int + uuid.uuid4().int % 2**72)
        rows.append(AuditRow(id=own, timestamp=written, object_label=f"old row {number:03}", **given))
    return AuditRow.objects.bulk_create(rows)


def key(row_id: uuid.UUID) -> str:
    """An id as the database holds it."""
    return row_id.hex if connection.vendor == "sqlite" else str(row_id)


class Editor:
    """Django's own cannot be used inside a test's transaction on SQLite."""

    connection = connection

    def execute(self, statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)


def strangers_key() -> Ed25519PrivateKey:
    """A key that is none of ours."""
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
