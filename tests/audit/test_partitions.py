"""The months of the log on PostgreSQL: made ahead, protected like the whole, and dropped once they are empty."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from audit import partitions
from audit.append_only import partitions_of
from audit.ids import lowest_id_at, new_id
from audit.models import AuditRow
from audit.proof import checkpoints, purging, tree
from audit.proof.verification import verify
from tests.audit.proof.making import START, old_rows

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one table"),
]
NOW = timezone.now()


def place_of(row: AuditRow) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM audit_auditrow WHERE id = %s", [row.pk])
        return str(cursor.fetchone()[0])


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def refused(statement: str) -> None:
    with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic():
        run(statement)


def row_of(moment: datetime) -> AuditRow:
    own = uuid.UUID(int=lowest_id_at(moment).int + 7)
    row = AuditRow(id=own, workspace_id="w", event_type="Source Viewed", timestamp=moment)
    return AuditRow.objects.bulk_create([row])[0]


def rows_of_today(count: int) -> list[AuditRow]:
    return AuditRow.objects.bulk_create(AuditRow(workspace_id="w", event_type="Source Viewed") for _ in range(count))


def test_this_month_and_three_more_are_there_from_the_start() -> None:
    month, expected = NOW.replace(day=1), []
    for _ in range(4):
        expected.append(f"audit_auditrow_{month:%Y_%m}")
        month = partitions.following(month)
    assert partitions_of(connection) == [*sorted(expected), "audit_auditrow_other"]
    (row,) = AuditRow.objects.bulk_create([AuditRow(workspace_id="w", event_type="Source Viewed")])
    assert place_of(row) == expected[0]


def test_months_follow_each_other_without_a_gap() -> None:
    month = datetime(2026, 1, 1, tzinfo=UTC)
    for _ in range(80):
        after = partitions.following(month)
        assert after.day == 1
        assert partitions.bounds(month)[1] == partitions.bounds(after)[0]
        assert partitions.month_of(partitions.name(month)) == month
        month = after
    assert month == datetime(2032, 9, 1, tzinfo=UTC)
    assert partitions.bounds(datetime(2026, 2, 1, tzinfo=UTC))[0] == lowest_id_at(datetime(2026, 2, 1, tzinfo=UTC))
    assert partitions.month_of("audit_auditrow_other") is None
    this = NOW.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    assert partitions.bounds(this)[0] < new_id() < partitions.bounds(this)[1]


def test_the_daily_job_makes_the_months_to_come_once() -> None:
    later = NOW + timedelta(days=200)
    assert not AuditRow.objects.filter(id__gte=lowest_id_at(later)).exists()
    before = partitions_of(connection)
    partitions.maintain(later)
    made = [each for each in partitions_of(connection) if each not in before]
    assert len(made) == 4
    partitions.maintain(later)
    assert place_of(row_of(later)) == partitions.name(later)
    for statement in (f"TRUNCATE {made[0]}", "TRUNCATE audit_auditrow"):
        refused(statement)


def test_a_month_that_is_missing_does_not_stop_the_log_nor_the_job(caplog: pytest.LogCaptureFixture) -> None:
    far = NOW + timedelta(days=400)
    row = row_of(far)
    assert place_of(row) == "audit_auditrow_other"
    partitions.maintain(far)
    assert partitions.name(far) not in partitions_of(connection)
    assert partitions.name(partitions.following(far)) in partitions_of(connection)
    assert "stays as it is" in caplog.text
    assert place_of(row) == "audit_auditrow_other"


@pytest.mark.parametrize("statement", ["UPDATE {0} SET route = 'x'", "DELETE FROM {0}", "TRUNCATE {0}"])
def test_each_partition_is_protected_by_itself(statement: str) -> None:
    row = row_of(NOW)
    stray = row_of(NOW + timedelta(days=400))
    for each in ("audit_auditrow", place_of(row), place_of(stray)):
        refused(statement.format(each))
    assert AuditRow.objects.filter(route="").count() == 2


def test_what_protects_a_partition_stays_on_for_replicas_too() -> None:
    partitions.maintain(NOW + timedelta(days=200))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, array_agg(tgenabled::text) FROM pg_trigger"
            " WHERE tgrelid::regclass::text LIKE 'audit_auditrow%' GROUP BY 1"
        )
        found = dict(cursor.fetchall())
    assert found == {table: ["A", "A", "A"] for table in ("audit_auditrow", *partitions_of(connection))}


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE {0}",
        "ALTER TABLE audit_auditrow DETACH PARTITION {0}",
        "ALTER TABLE {0} DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_auditrow_kept ON audit_auditrow",
    ],
)
def test_who_is_not_the_owner_can_neither_drop_nor_detach(statement: str) -> None:
    run("CREATE ROLE audit_writer")  # goes with the test's transaction
    run("GRANT ALL ON audit_auditrow TO audit_writer")
    run("SET LOCAL ROLE audit_writer")
    with pytest.raises(DatabaseError, match="must be owner"), transaction.atomic():
        run(statement.format(partitions.name(NOW)))


def test_a_month_whose_rows_were_purged_is_dropped_and_no_other() -> None:
    month = (NOW - timedelta(days=7.5 * 365.25)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for each in (month, partitions.following(month)):
        partitions._try(partitions._make, each)
    rows = old_rows(5)
    rows_of_today(3)
    tree.seal_all(START)
    checkpoints.make_checkpoint("w")
    taken = {place_of(row) for row in rows}
    partitions.maintain(NOW)
    assert taken <= set(partitions_of(connection))
    assert purging.purge_some("w", now=NOW, limit=100)
    partitions.maintain(NOW)
    assert not taken & set(partitions_of(connection))
    assert len(partitions_of(connection)) == 5
    assert (verify("w").rows, verify("w").purged) == (3, 5)


def test_a_lookup_reads_one_partition() -> None:
    (row,) = rows_of_today(1)
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN SELECT * FROM audit_auditrow WHERE id = %s", [row.pk])
        plan = " ".join(line for (line,) in cursor.fetchall())
    assert set(re.findall(r"audit_auditrow_\d+_\d+|audit_auditrow_other", plan)) == {place_of(row)}


def test_introspection_sees_one_table() -> None:
    names = connection.introspection.table_names()
    assert [each for each in names if each.startswith("audit_auditrow")] == ["audit_auditrow"]
