"""The list of suppressed users as the Tracking API knows it: what is new is read, what went is forgotten."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections, transaction
from django.utils import timezone

from privacy import ingest_controls
from privacy.models import Regulation, Release, SubjectKey, SuppressedUser
from privacy.subjects import subject_digest
from privacy.suppression import forget_releases, stop_suppressing, suppress
from tests.queries import counted
from workspaces.models import Source, Workspace

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def unknown() -> Iterator[None]:
    ingest_controls._suppressed.clear()
    yield
    ingest_controls._suppressed.clear()


def add(workspace: Workspace, *user_ids: str) -> None:
    users = {subject_digest(workspace.pk, user_id): user_id for user_id in user_ids}
    suppress(workspace.pk, users, Regulation.Type.SUPPRESS_ONLY)


def release(workspace: Workspace, user_id: str) -> None:
    assert stop_suppressing(workspace.pk, [subject_digest(workspace.pk, user_id)]) == 1


def dropped(source: Source, *user_ids: str) -> list[str]:
    """Which of these users' events the API drops now."""
    asked = ingest_controls.controls_of(source.workspace_id, source.pk).is_suppressed
    return [user_id for user_id in user_ids if asked is not None and asked(user_id)]


def test_it_grows_and_shrinks(workspace: Workspace, source: Source) -> None:
    assert dropped(source, "ana") == []
    add(workspace, "ana", "ben")
    assert dropped(source, "ana", "ben", "cleo") == ["ana", "ben"]
    add(workspace, "cleo")
    assert dropped(source, "ana", "ben", "cleo") == ["ana", "ben", "cleo"]
    release(workspace, "ben")
    assert dropped(source, "ana", "ben", "cleo") == ["ana", "cleo"]
    add(workspace, "ben")
    release(workspace, "ana")
    assert dropped(source, "ana", "ben", "cleo") == ["ben", "cleo"]


def reads(source: Source, *user_ids: str) -> tuple[list[str], list[str]]:
    """Which users the API drops, and the statements about the list that it takes to know."""
    with counted() as asked:
        found = dropped(source, *user_ids)
    tables = ("suppresseduser", "privacy_release")
    return found, [each["sql"] for each in asked.captured_queries if any(table in each["sql"] for table in tables)]


def test_only_what_has_changed_is_read_whichever_way(workspace: Workspace, source: Source) -> None:
    add(workspace, "ana", "ben")
    found, ((whole),) = reads(source, "ana", "ben")
    assert (found, '"revision" >' in whole) == (["ana", "ben"], False)
    add(workspace, "cleo")
    found, (gone, new) = reads(source, "ana", "ben", "cleo")
    assert (found, '"revision" > 1' in gone, '"revision" > 1' in new) == (["ana", "ben", "cleo"], True, True)
    release(workspace, "ana")
    found, (gone, new) = reads(source, "ana", "ben", "cleo")
    assert (found, '"revision" > 2' in gone, '"revision" > 2' in new) == (["ben", "cleo"], True, True)
    assert reads(source, "ana", "ben") == (["ben"], [])


def test_who_is_released_and_suppressed_again_between_two_looks_is_dropped(
    workspace: Workspace, source: Source
) -> None:
    add(workspace, "ana", "ben")
    assert dropped(source, "ana", "ben") == ["ana", "ben"]
    release(workspace, "ana")
    add(workspace, "ana")
    release(workspace, "ben")
    add(workspace, "ben")
    release(workspace, "ben")
    assert dropped(source, "ana", "ben") == ["ana"]


def test_who_has_not_looked_for_a_day_reads_the_whole_list(
    workspace: Workspace, source: Source, time_machine: Any
) -> None:
    add(workspace, "ana", "ben")
    assert dropped(source, "ana", "ben") == ["ana", "ben"]
    release(workspace, "ana")
    time_machine.move_to(timezone.now() + timedelta(hours=25))
    release(workspace, "ben")
    assert (forget_releases(), Release.objects.count()) == (1, 1)
    found, statements = reads(source, "ana", "ben")
    assert (found, '"revision" >' in statements[-1]) == ([], False)


def test_a_list_from_an_older_backup_is_read_whole(workspace: Workspace, source: Source) -> None:
    add(workspace, "ana")
    add(workspace, "ben")
    assert dropped(source, "ana", "ben") == ["ana", "ben"]
    SuppressedUser.objects.filter(revision=2).delete()
    SubjectKey.objects.update(suppressions=1)
    assert dropped(source, "ana", "ben") == ["ana"]


def test_many_changes_in_any_order_leave_what_the_table_says(workspace: Workspace, source: Source) -> None:
    drawn, users = random.Random(20_251), [f"u{number}" for number in range(12)]
    on_list: set[str] = set()
    for _ in range(150):
        user = drawn.choice(users)
        if user in on_list:
            release(workspace, user)
        else:
            add(workspace, user)
        on_list ^= {user}
        if drawn.random() < 0.3:
            assert set(dropped(source, *users)) == on_list
    assert set(dropped(source, *users)) == on_list


@pytest.mark.django_db(transaction=True)
def test_a_change_that_commits_late_is_not_passed_over(workspace: Workspace, source: Source) -> None:
    """On PostgreSQL a second change waits for the first: numbers become visible in their order."""
    add(workspace, "ana")
    assert dropped(source, "ana", "ben", "cleo") == ["ana"]

    def other() -> None:
        with transaction.atomic():
            add(workspace, "cleo")
        connections.close_all()

    second = threading.Thread(target=other)
    with transaction.atomic():
        add(workspace, "ben")
        second.start()
        second.join(0.5)
        assert second.is_alive()
    second.join(20)
    assert not second.is_alive()
    assert dropped(source, "ana", "ben", "cleo") == ["ana", "ben", "cleo"]
