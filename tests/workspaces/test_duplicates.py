from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest
import time_machine
from django.db import connection

from tests.workspaces.entries import entry_with, messages_of
from workspaces.event_log.duplicates import first_seen, forget_older_than
from workspaces.models import SeenMessage
from workspaces.tracking.unpack import Unpacked, unpack

pytestmark = pytest.mark.django_db


def batch_of(*ids: str, **facts: Any) -> Unpacked:
    items = [{"type": "track", "messageId": message_id} for message_id in ids]
    return unpack(entry_with({"batch": items}, kind="batch", **facts))


def places(first: set[tuple[uuid.UUID, int]], unpacked: Unpacked) -> list[int]:
    return sorted(place for entry_id, place in first if entry_id == unpacked.entry.entry_id)


def test_new_ids_are_first() -> None:
    one, two = batch_of("a", "b"), batch_of("c")
    first = first_seen(messages_of(one, two))
    assert (places(first, one), places(first, two)) == ([0, 1], [0])


def test_an_id_that_another_entry_took_is_a_duplicate() -> None:
    first_seen(messages_of(batch_of("a", "b")))
    late = batch_of("b", "c")
    assert places(first_seen(messages_of(late)), late) == [1]


def test_an_id_twice_in_one_batch_counts_once() -> None:
    one, two = batch_of("a", "a"), batch_of("a")
    first = first_seen(messages_of(one, two))
    assert (places(first, one), places(first, two)) == ([0], [])


def test_an_entry_that_is_read_again_is_no_duplicate() -> None:
    one = batch_of("a", "b", "a")
    first = first_seen(messages_of(one))
    assert first_seen(messages_of(one)) == first == {(one.entry.entry_id, 0), (one.entry.entry_id, 1)}


def test_sources_do_not_share_ids() -> None:
    first_seen(messages_of(batch_of("a")))
    other = batch_of("a", source_id=uuid.UUID(int=8))
    assert places(first_seen(messages_of(other)), other) == [0]


def test_an_entry_without_events_takes_nothing() -> None:
    assert first_seen(messages_of(unpack(entry_with(None)))) == set()
    assert not SeenMessage.objects.exists()


def test_ids_are_remembered_for_the_window_and_then_forgotten() -> None:
    with time_machine.travel("2024-01-01 00:00Z", tick=False):
        first_seen(messages_of(batch_of("old")))
    with time_machine.travel("2024-01-02 00:00Z", tick=False):
        first_seen(messages_of(batch_of("young")))
    with time_machine.travel("2024-01-03 00:00:01Z", tick=False):
        assert forget_older_than() == 1
        old, young = batch_of("old"), batch_of("young")
        assert first_seen(messages_of(old, young)) == {(old.entry.entry_id, 0)}


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_takes_an_id() -> None:
    batches = [batch_of(*(f"id {n}" for n in order)) for order in (range(50), range(49, -1, -1), range(50))]
    found: list[set[tuple[uuid.UUID, int]]] = []

    def work(batch: Unpacked) -> None:
        found.append(first_seen(messages_of(batch)))
        connection.close()

    threads = [threading.Thread(target=work, args=(batch,)) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(map(len, found)) == SeenMessage.objects.count() == 50
