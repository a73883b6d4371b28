"""Workers and people who change the same rows at once on PostgreSQL: they wait in line, never in a circle."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from privacy import rulebooks
from privacy.inventory import classify_fields
from privacy.models import Classification, FieldHour, ObservedField
from privacy.recommendations import refresh_some
from privacy.retention import forget_old_scans
from tests.privacy.observing import observe, track
from tests.side_by_side import at_once
from workspaces.models import Source, User, Workspace

pytestmark = pytest.mark.django_db(transaction=True)

TABLE = "privacy_observedfield"
FIRST = {"alpha": 1, "beta": 2}
LAST = {"beta": 2, "alpha": 1}


@pytest.fixture(autouse=True)
def on_postgresql(db: None) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("one write at a time there")


def counted() -> dict[str, int]:
    return dict(FieldHour.objects.values_list("field__name", "count"))


def test_two_workers_bring_the_same_fields_up_to_date(workspace: Workspace, source: Source) -> None:
    observe(source, track(**FIRST))
    rulebooks.move(workspace.pk)
    assert at_once(TABLE, lambda: observe(source, track(**FIRST)), lambda: observe(source, track(**LAST))) == []
    assert counted() == {"alpha": 3, "beta": 3}
    assert set(ObservedField.objects.values_list("revision", flat=True)) == {1}


def test_a_worker_and_somebody_who_classifies(workspace: Workspace, source: Source, alice: User) -> None:
    observe(source, track(**FIRST), at=datetime.now(UTC) - timedelta(minutes=5))

    def classify() -> None:
        classify_fields(workspace, dict.fromkeys(LAST, Classification.YELLOW), actor=alice)

    assert at_once(TABLE, classify, lambda: observe(source, track(**FIRST)), in_turn=True) == []
    assert set(ObservedField.objects.values_list("name", "in_inventory")) == {("alpha", True), ("beta", True)}


def test_workers_and_the_jobs_beside_them(workspace: Workspace, source: Source) -> None:
    old = datetime.now(UTC) - timedelta(days=31)
    observe(source, track(**FIRST), at=old)
    ObservedField.objects.update(sample_at=old)
    rulebooks.move(workspace.pk, matchers=True)
    before = datetime.now(UTC) - timedelta(days=30)
    deeds = (
        lambda: observe(source, track(**FIRST)),
        lambda: observe(source, track(**LAST)),
        refresh_some,
        lambda: forget_old_scans(workspace.pk, before),
    )
    assert at_once(TABLE, *deeds) == []
