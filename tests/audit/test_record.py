"""One row, with what the caller says and what the request knows."""

from __future__ import annotations

import pytest
from django.db import transaction

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
    with pytest.raises(RuntimeError), transaction.atomic():
        record(EventType.SOURCE_CREATED, actor=None)
        raise RuntimeError
    assert not AuditRow.objects.exists()


def test_event_types_are_title_case_and_unique() -> None:
    values = [each.value for each in EventType]
    assert len(set(values)) == len(values)
    assert all(word[0].isupper() for value in values for word in value.split())
    assert max(map(len, values)) <= 60
