"""One row, with what the caller says and what the request knows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.transaction import TransactionManagementError

from audit import context
from audit.event_types import EventType
from audit.models import AuditRow
from audit.record import record
from workspaces.models import User, Workspace


def test_a_row_names_actor_workspace_and_subject(alice: User, workspace: Workspace) -> None:
    record(EventType.SOURCE_CREATED, actor=alice, workspace_id=workspace.pk, subject=workspace, end_user_id="u1")
    row = AuditRow.objects.get()
    assert (row.event_type, row.actor_user_id, row.actor_label) == ("Source Created", str(alice.pk), alice.email)
    assert (row.workspace_id, row.object_id, row.end_user_id) == (str(workspace.pk), str(workspace.pk), "u1")
    assert row.sentence == "added a source"


def test_rows_outlive_what_they_name(alice: User, workspace: Workspace) -> None:
    record(EventType.SOURCE_CREATED, actor=alice, workspace_id=workspace.pk, subject=workspace)
    workspace.delete()
    alice.delete()
    assert AuditRow.objects.get().actor_label == "alice@example.com"


def test_outside_a_request_the_facts_are_empty(db: None) -> None:
    row = record(EventType.SOURCE_CREATED, actor=None)
    assert (row.request_id, row.address, row.user_agent, row.route) == ("", None, "", "")


def test_what_is_too_long_is_cut_not_refused(db: None) -> None:
    facts = context.RequestContext(user_agent="a" * 1000)
    with context.request_context(facts):
        row = record(EventType.SOURCE_CREATED, actor=None, label="b" * 1000, end_user_id="c" * 1000)
    row.refresh_from_db()
    assert (len(row.user_agent), len(row.object_label), len(row.end_user_id)) == (300, 200, 255)


def test_a_row_goes_with_the_transaction_it_stands_in(db: None) -> None:
    with transaction.atomic():
        record(EventType.SOURCE_CREATED, actor=None)
        transaction.set_rollback(True)
    assert not AuditRow.objects.exists()


def others_see(workspace: Workspace) -> tuple[str, int]:
    """The workspace's name and how many rows there are, by another connection."""

    def look() -> tuple[str, int]:
        try:
            return Workspace.objects.get(pk=workspace.pk).name, AuditRow.objects.count()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(look).result()


def rename(workspace: Workspace) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(name="Changed")


@transaction.atomic
def rename_and_save(workspace: Workspace, row: AuditRow) -> None:
    rename(workspace)
    row.save(last=True)


@pytest.mark.django_db(transaction=True)
def test_the_last_row_commits_what_it_stands_in(workspace: Workspace) -> None:
    """On PostgreSQL in the message that adds it; in any case at the transaction's end, with what waits for that."""
    called: list[str] = []
    with transaction.atomic():
        rename(workspace)
        transaction.on_commit(lambda: called.append("on commit"))
        record(EventType.SOURCE_CREATED, actor=None, last=True)
        at_once = ("Changed", 1) if connection.vendor == "postgresql" else ("Acme Health", 0)
        assert (others_see(workspace), called) == (at_once, [])
    assert (others_see(workspace), called) == (("Changed", 1), ["on commit"])
    with transaction.atomic():  # the connection goes on as ever
        record(EventType.SOURCE_CREATED, actor=None)
        transaction.set_rollback(True)
    assert others_see(workspace) == ("Changed", 1)


@pytest.mark.django_db(transaction=True)
def test_the_last_row_of_an_inner_transaction_ends_no_outer_one(workspace: Workspace) -> None:
    with transaction.atomic():
        rename(workspace)
        with transaction.atomic():
            record(EventType.SOURCE_CREATED, actor=None, last=True)
        assert others_see(workspace) == ("Acme Health", 0)
        transaction.set_rollback(True)
    assert others_see(workspace) == ("Acme Health", 0)


@pytest.mark.django_db(transaction=True)
def test_the_last_row_commits_nothing_that_is_to_be_rolled_back(workspace: Workspace) -> None:
    with transaction.atomic():
        rename(workspace)
        transaction.set_rollback(True)
        with pytest.raises(TransactionManagementError):
            record(EventType.SOURCE_CREATED, actor=None, last=True)
    assert others_see(workspace) == ("Acme Health", 0)


@pytest.mark.django_db(transaction=True)
def test_a_last_row_that_cannot_be_written_commits_nothing(workspace: Workspace) -> None:
    taken = record(EventType.SOURCE_CREATED, actor=None)
    with pytest.raises(DatabaseError):
        rename_and_save(workspace, AuditRow(id=taken.pk, event_type="x"))
    assert others_see(workspace) == ("Acme Health", 1)


def test_event_types_are_title_case_and_unique() -> None:
    values = [each.value for each in EventType]
    assert len(set(values)) == len(values)
    assert all(word[0].isupper() for value in values for word in value.split())
    assert max(map(len, values)) <= 60
