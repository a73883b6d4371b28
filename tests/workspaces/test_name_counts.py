"""Counts by event name: bounded, by the minute while fresh, then by the hour, and never other than the plain ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from audit.ids import new_id
from workspaces import event_counts, name_counts
from workspaces.models import EventCount, EventNameCount, Source
from workspaces.name_breakdown import of_step
from workspaces.name_counts import OTHER_NAMES, Names
from workspaces.pipeline_steps import is_received, source_steps
from workspaces.spans import span_of

NOW = datetime(2026, 3, 10, 12, 30, 40, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def put(source: Source, ago: timedelta, name: str, count: int, outcome: str = "received") -> None:
    minute = (NOW - ago).replace(second=0)
    event_counts.add_counts({(source.pk, minute, "track", outcome, name): count})


def rows(source: Source) -> list[tuple[str, str, int]]:
    found = EventNameCount.objects.filter(source=source).order_by("since", "event")
    return [(f"{since:%d %H:%M}", event, count) for since, event, count in found.values_list("since", "event", "count")]


def test_names_are_bounded_by_source_and_hour() -> None:
    names, one, other, hour = Names(), new_id(), new_id(), NOW.replace(minute=0)
    assert [names.of(one, hour, f"n-{n}") for n in range(name_counts.MOST_NAMES)][-1] == "n-999"
    assert [names.of(one, hour, name) for name in ("new", "n-7", "")] == [OTHER_NAMES, "n-7", ""]
    assert names.of(other, hour, "new") == "new"
    assert names.of(one, hour + timedelta(hours=1), "new") == "new"


@pytest.mark.django_db
def test_fresh_counts_stand_for_a_minute_and_old_ones_for_an_hour(source: Source) -> None:
    with time_machine.travel(NOW, tick=False):
        for ago in (timedelta(0), timedelta(hours=3), timedelta(hours=3) + MINUTE, timedelta(days=2)):
            put(source, ago, "Visit", 2)
        put(source, timedelta(0), "Visit", 3)
    assert rows(source) == [
        ("08 12:00", "Visit", 2),
        ("10 09:00", "Visit", 4),
        ("10 12:30", "Visit", 5),
    ]


@pytest.mark.django_db
def test_minutes_are_gathered_into_hours_and_nothing_is_lost(source: Source) -> None:
    with time_machine.travel(NOW, tick=False):
        for minutes in range(0, 120, 7):
            put(source, timedelta(minutes=minutes), "Visit", 1)
            put(source, timedelta(minutes=minutes), "Call", 2)
    with time_machine.travel(NOW + timedelta(hours=4), tick=False):
        gathered = name_counts.gather(EventNameCount, "source")
        assert name_counts.gather(EventNameCount, "source") == 0
    assert gathered == 36
    assert rows(source) == [
        ("10 10:00", "Call", 10),
        ("10 10:00", "Visit", 5),
        ("10 11:00", "Call", 16),
        ("10 11:00", "Visit", 8),
        ("10 12:00", "Call", 10),
        ("10 12:00", "Visit", 5),
    ]


@pytest.mark.django_db
def test_what_is_taken_back_after_its_hour_was_gathered_leaves_the_sum(source: Source) -> None:
    with time_machine.travel(NOW, tick=False):
        put(source, timedelta(minutes=5), "Visit", 3)
    with time_machine.travel(NOW + timedelta(hours=5), tick=False):
        name_counts.gather(EventNameCount, "source")
        name_counts.add(
            "workspaces_eventnamecount",
            "source",
            {(source.pk, NOW.replace(second=0), "track", "received", "Visit"): -1},
        )
    assert rows(source) == [("10 12:00", "Visit", 2)]


@pytest.mark.django_db
def test_ten_minutes_are_ten_minutes(source: Source) -> None:
    with time_machine.travel(NOW, tick=False):
        for ago, count in ((0, 1), (9, 2), (10, 4), (19, 8), (20, 16)):
            put(source, timedelta(minutes=ago), "Visit", count)
        put(source, timedelta(minutes=3), "", 5, "bad_request")
        span = span_of({"period": "minutes"}, now=NOW)
        tally = event_counts.tally(source.pk, span)
        received, failed, _ = source_steps(tally)
    assert (tally.total(is_received), tally.earlier(is_received)) == (3, 12)
    assert (received.figure.count, received.figure.before, failed.figure.count) == (8, 12, 5)
    assert received.series == [2, 0, 0, 0, 0, 0, 5, 0, 0, 1]
    assert [label for label, _ in received.chart] == [f"12:{minute}" for minute in range(21, 31)]


@pytest.mark.django_db
def test_names_agree_with_the_plain_counts(source: Source) -> None:
    with time_machine.travel(NOW, tick=False):
        for ago in (0, 1, 25, 200, 60 * 23):
            put(source, timedelta(minutes=ago), "Visit", 3)
            put(source, timedelta(minutes=ago), "Call", 1)
        put(source, timedelta(hours=30), "Visit", 7)
        for period, visits, calls in (("minutes", 6, 2), ("hour", 9, 3), ("day", 15, 5), ("week", 22, 5)):
            span = span_of({"period": period}, now=NOW)
            step = source_steps(event_counts.tally(source.pk, span))[0]
            found = of_step(EventNameCount.objects.filter(source=source), step, span)
            assert [(row.name, row.code, row.figure.count) for row in found] == [
                ("Visit", "track", visits),
                ("Call", "track", calls),
            ], period
            assert step.figure.count == visits + calls, period
    assert sum(EventCount.objects.values_list("count", flat=True)) == 27
