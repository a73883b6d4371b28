"""What keeps the log quick: one statement for a row, and an index that gives each list in its order."""

from __future__ import annotations

import re

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from audit.event_types import EventType
from audit.models import AuditRow
from audit.queries import Question, matching
from audit.record import record
from tests.queries import counted
from workspaces.models import Workspace

FILTERS = [
    (Question(), "audit_by_workspace"),
    (Question(event_type="Source Viewed"), "audit_by_event_type"),
    (Question(actor_user_id="u"), "audit_by_actor"),
    (Question(actor_kind="support"), "audit_by_actor_kind"),
    (Question(actor_kind="person"), "audit_by_workspace"),
    (Question(end_user_id="u"), "audit_by_end_user"),
    (Question(object_id="o"), "audit_by_object"),
    (Question(outcome="denied"), "audit_by_outcome"),
    (Question(outcome="done"), "audit_by_workspace"),
]


def _named(plan: str) -> str:
    """The plan with each partition's indexes under the name they have in the whole table."""
    if connection.vendor == "postgresql":
        names = (
            "SELECT part.relname, whole.relname FROM pg_inherits JOIN pg_class part ON part.oid = inhrelid"
            " JOIN pg_class whole ON whole.oid = inhparent WHERE part.relkind = 'i'"
        )
        with connection.cursor() as cursor:
            cursor.execute(names)
            for part, whole in cursor.fetchall():
                plan = re.sub(rf"\b{part}\b", whole, plan)
    return plan


def _fill(workspace: Workspace) -> None:
    """Enough of the usual rows, here and elsewhere, that a filter's own index is plainly the cheapest.

    PostgreSQL plans by what it last counted and by how large each index is. With a row or two all cost the same, and
    pages that other tests' rows have left would decide which one is taken.
    """
    usual = {"actor_kind": "person", "event_type": "Source Settings Viewed", "outcome": "done"}
    AuditRow.objects.bulk_create(
        AuditRow(workspace_id=owner, actor_user_id="somebody", **usual)
        for owner, count in ((str(workspace.pk), 500), ("elsewhere", 1500))
        for _ in range(count)
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (FULL, ANALYZE) audit_auditrow")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("question", "index"), FILTERS)
@pytest.mark.parametrize("further", [False, True])
def test_each_filter_reads_one_index_in_the_order_of_the_list(
    workspace: Workspace, question: Question, index: str, further: bool
) -> None:
    if connection.vendor == "postgresql":
        _fill(workspace)
    rows = matching(workspace.pk, question)
    rows = (rows.filter(id__lt=record(EventType.SOURCE_VIEWED, actor=None).pk) if further else rows)[:101]
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:  # a table this small is read whole
                cursor.execute(
                    "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off"
                )
        plan = _named(rows.explain())
    assert index in plan
    assert "Sort  (" not in plan
    assert "TEMP B-TREE" not in plan


def test_a_page_pays_for_its_row_with_one_statement(as_alice: Client, workspace: Workspace) -> None:
    as_alice.get("/acme-health/sources")
    with counted() as queries:
        as_alice.get("/acme-health/sources")
    told = [each["sql"].split(" ", 2)[0:2] for each in queries if "audit_auditrow" in each["sql"]]
    assert told == [["INSERT", "INTO"]]
    inner = [each["sql"] for each in queries if each["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(inner) == 2  # the page's own transaction, inside the test's


def test_a_row_that_cannot_be_written_fails_the_whole_transaction(workspace: Workspace) -> None:
    row = record(EventType.SOURCE_VIEWED, actor=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditRow(pk=row.pk, actor_kind="system", event_type="Source Viewed").save()
    with transaction.atomic():
        workspace.name = "Changed"
        workspace.save()
        with pytest.raises(IntegrityError):
            AuditRow(pk=row.pk, actor_kind="system", event_type="Source Viewed").save()
        assert connection.needs_rollback
    workspace.refresh_from_db()
    assert workspace.name == "Acme Health"
    assert AuditRow.objects.count() == 1
