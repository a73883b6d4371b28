"""The audit log as tests see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.test import Client

from audit.models import AuditRow


@pytest.fixture
def events(db: None) -> Callable[[], list[str]]:
    """The event types recorded so far, oldest first, without the sign-ins that tests begin with."""
    rows = AuditRow.objects.exclude(event_type="User Signed In").order_by("id")
    return lambda: list(rows.values_list("event_type", flat=True))


@pytest.fixture
def broken_log(as_alice: Client) -> Iterator[Client]:
    """Alice's browser, and an audit log nobody can write to."""
    as_alice.raise_request_exception = False
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditrow RENAME TO gone")
    yield as_alice
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE gone RENAME TO audit_auditrow")
