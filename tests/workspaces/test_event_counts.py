from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from workspaces.event_counts import add_counts
from workspaces.models import EventCount, Source

pytestmark = pytest.mark.django_db
HOUR = datetime(2024, 1, 2, 3, tzinfo=UTC)


def test_counts_add_up_by_hour_type_and_outcome(source: Source) -> None:
    add_counts({(source.pk, HOUR, "track", "received", ""): 2, (source.pk, HOUR, "track", "event_not_defined", ""): 1})
    add_counts({(source.pk, HOUR, "track", "received", ""): 3})
    rows = EventCount.objects.order_by("outcome").values_list("source", "hour", "event_type", "outcome", "count")
    assert list(rows) == [
        (source.pk, HOUR, "track", "event_not_defined", 1),
        (source.pk, HOUR, "track", "received", 5),
    ]


def test_a_source_that_is_gone_is_left_out(source: Source) -> None:
    add_counts({(uuid.uuid4(), HOUR, "track", "received", ""): 2, (source.pk, HOUR, "page", "received", ""): 1})
    assert EventCount.objects.get().event_type == "page"


def test_nothing_to_count_writes_nothing(source: Source) -> None:
    add_counts({(source.pk, HOUR, "track", "received", ""): 0})
    assert not EventCount.objects.exists()
