"""The database refuses to change or remove audit rows, whoever asks and however."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import TransactionTestCase

from audit.event_types import EventType
from audit.models import AppendOnlyError, AuditRow
from audit.record import record

STATEMENTS = [
    "UPDATE audit_auditrow SET actor_label = 'nobody'",
    "DELETE FROM audit_auditrow",
]
ON_SQLITE = [
    "INSERT OR REPLACE INTO audit_auditrow SELECT * FROM audit_auditrow",
    "INSERT INTO audit_auditrow SELECT * FROM audit_auditrow WHERE true"
    " ON CONFLICT (id) DO UPDATE SET actor_label = 'nobody'",
]
ON_POSTGRESQL = [
    "TRUNCATE audit_auditrow",
    "INSERT INTO audit_auditrow SELECT * FROM audit_auditrow ON CONFLICT (id) DO UPDATE SET actor_label = 'nobody'",
]


@pytest.fixture
def row(db: None) -> AuditRow:
    return record(EventType.SOURCE_VIEWED, actor=None, label="kept")


@pytest.mark.parametrize("statement", range(4))
def test_sql_is_refused(row: AuditRow, statement: int) -> None:
    own = ON_SQLITE if connection.vendor == "sqlite" else ON_POSTGRESQL
    refused = pytest.raises(DatabaseError, match="only ever added")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute([*STATEMENTS, *own][statement])
    assert AuditRow.objects.get().object_label == "kept"


def test_the_orm_refuses_before_the_database_has_to(row: AuditRow) -> None:
    for attempt in (row.save, row.delete, AuditRow.objects.all().delete, lambda: AuditRow.objects.update(route="x")):
        with pytest.raises(AppendOnlyError):
            attempt()
    assert AuditRow.objects.get().route == ""


def test_raw_deletion_by_the_orm_is_refused_by_the_database(row: AuditRow) -> None:
    with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic():
        AuditRow.objects.all()._raw_delete(using="default")
    assert AuditRow.objects.count() == 1


def test_bulk_updates_are_refused(row: AuditRow) -> None:
    row.actor_label = "nobody"
    with pytest.raises((DatabaseError, AppendOnlyError)), transaction.atomic():
        AuditRow.objects.bulk_update([row], ["actor_label"])
    assert AuditRow.objects.get().actor_label == ""


class FlushTest(TransactionTestCase):
    """Tests with real commits can still empty their database, and the triggers are back afterwards."""

    def test_rows_go_and_the_refusal_stays(self) -> None:
        record(EventType.SOURCE_VIEWED, actor=None)
        self._fixture_teardown()
        assert not AuditRow.objects.exists()
        record(EventType.SOURCE_VIEWED, actor=None)
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute("DELETE FROM audit_auditrow")
