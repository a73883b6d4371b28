"""A field that a worker writes while somebody classifies it: it is never left behind in the inbox."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, connections, transaction

from privacy.inventory import classify_field
from privacy.models import Classification
from tests.privacy.observing import field, observe, track
from workspaces.models import Source, User, Workspace

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 10.0


def test_whoever_classifies_waits_for_what_a_worker_is_writing(
    workspace: Workspace, source: Source, alice: User
) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("one write at a time there")
    begun = threading.Event()

    def classify() -> None:
        begun.set()
        classify_field(workspace, name="plan", classification=Classification.RED, actor=alice)
        connections.close_all()

    other = threading.Thread(target=classify)
    with transaction.atomic():
        observe(source, track(plan="gold"))
        other.start()
        assert begun.wait(PATIENCE)
        other.join(0.5)
        assert other.is_alive()
    other.join(PATIENCE)
    assert not other.is_alive()
    row = field("plan")
    assert (row.in_inventory, row.entry.name if row.entry else "") == (True, "plan")


def test_a_worker_waits_for_who_is_classifying(workspace: Workspace, source: Source, alice: User) -> None:
    def write() -> None:
        observe(source, track(plan="gold"))
        connections.close_all()

    other = threading.Thread(target=write)
    with transaction.atomic():
        classify_field(workspace, name="plan", classification=Classification.RED, actor=alice)
        other.start()
        other.join(0.5)
        assert other.is_alive()
    other.join(PATIENCE)
    assert not other.is_alive()
    assert field("plan").in_inventory
