"""The fuse of a destination that only fails: pure state, with the test's own clock."""

from __future__ import annotations

import uuid

from destinations.pipeline.circuit import FAILURES_TO_OPEN, FIRST_PAUSE, LONGEST_PAUSE, LONGEST_QUIET, Circuits

HERE, THERE = uuid.UUID(int=1), uuid.UUID(int=2)


def failing(times: int = FAILURES_TO_OPEN, *, now: float = 100.0) -> Circuits:
    circuits = Circuits()
    for _ in range(times):
        circuits.failed(HERE, now)
    return circuits


def test_a_destination_nobody_heard_of_is_closed() -> None:
    assert not Circuits().is_open(HERE)
    assert Circuits().open_ones() == []


def test_it_opens_at_the_twentieth_failure_in_a_row() -> None:
    circuits = failing(19)
    assert not circuits.is_open(HERE)
    circuits.failed(HERE, 100.0)
    assert circuits.is_open(HERE)
    assert circuits.open_ones() == [HERE]


def test_one_destinations_failures_open_no_other() -> None:
    circuits = failing()
    assert not circuits.is_open(THERE)


def test_an_answer_in_between_starts_the_count_anew() -> None:
    circuits = failing(19)
    circuits.answered(HERE)
    for _ in range(19):
        circuits.failed(HERE, 100.0)
    assert not circuits.is_open(HERE)


def test_an_answer_closes_it_at_once() -> None:
    circuits = failing(50)
    circuits.answered(HERE)
    assert not circuits.is_open(HERE)
    assert circuits.open_ones() == []


def test_an_answer_of_one_without_failures_changes_nothing() -> None:
    circuits = failing()
    circuits.answered(THERE)
    assert circuits.open_ones() == [HERE]


def test_the_first_probe_waits_for_the_first_pause() -> None:
    circuits = failing()
    assert not circuits.take_probe(HERE, 100.0 + FIRST_PAUSE - 0.01)
    assert circuits.take_probe(HERE, 100.0 + FIRST_PAUSE)
    assert not circuits.take_probe(HERE, 100.0 + FIRST_PAUSE)


def test_pauses_between_probes_double_up_to_the_longest() -> None:
    circuits, now, pauses = failing(), 100.0, []
    for _ in range(8):
        before = now
        while not circuits.take_probe(HERE, now):
            now += 1.0
        pauses.append(now - before)
        circuits.failed(HERE, now)
    assert pauses == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    assert max(pauses) == LONGEST_PAUSE


def test_failures_while_open_do_not_put_the_next_probe_off() -> None:
    circuits = failing()
    for second in range(30):
        circuits.failed(HERE, 100.0 + second)
    assert circuits.take_probe(HERE, 100.0 + FIRST_PAUSE)


def test_after_an_answer_the_pauses_begin_anew() -> None:
    circuits = failing()
    for now in (200.0, 300.0, 400.0):
        assert circuits.take_probe(HERE, now)
    circuits.answered(HERE)
    for _ in range(FAILURES_TO_OPEN):
        circuits.failed(HERE, 500.0)
    assert circuits.take_probe(HERE, 500.0 + FIRST_PAUSE)


def test_who_asks_for_time_gets_it_and_nobody_else_does() -> None:
    circuits = Circuits()
    circuits.asked_for_time(HERE, 100.0, 30.0)
    circuits.asked_for_time(HERE, 110.0, 5.0)
    circuits.answered(HERE)
    assert (circuits.is_quiet(HERE, 129.9), circuits.is_quiet(THERE, 100.0)) == (True, False)
    assert (circuits.is_quiet(HERE, 130.0), circuits.is_open(HERE)) == (False, False)


def test_nobody_is_left_alone_for_hours() -> None:
    circuits = Circuits()
    circuits.asked_for_time(HERE, 100.0, 86_400.0)
    assert circuits.is_quiet(HERE, 99.9 + LONGEST_QUIET)
    assert not circuits.is_quiet(HERE, 100.0 + LONGEST_QUIET)
