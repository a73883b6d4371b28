"""Workers beside and after each other: leases, claims, and real processes that are stopped or killed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import pytest

from destinations.delivery import ledger
from destinations.models import Delivery, Destination
from destinations.pipeline import sending
from tests.destinations.factories import append, append_events, log_entry, track
from tests.destinations.pipeline.conftest import START, Process
from tests.destinations.pipeline.driving import (
    Driven,
    came_in,
    delivery,
    expire_claims,
    make_due,
    outcomes,
    running,
    tries,
)
from tests.destinations.receivers import OK, Answer, Got, Receiver, wait_for
from workspaces.event_log import open_writer
from workspaces.models import Source


def fails_first(got: Got) -> Answer:
    """500 for the first try of each event, then 200."""
    return Answer(500) if got.header("X-Retry-Count") == "0" else OK


def fill_two_partitions(source: Source, count: int) -> list[str]:
    """Events in the log's first two partitions; their message ids."""
    names = [f"m{number:03}" for number in range(count)]
    writers = [open_writer(), open_writer()]
    for number, name in enumerate(names):
        writers[number % 2].append(log_entry(source, track(name)))
    for writer in writers:
        writer.close()
    return names


def both_tries(names: list[str]) -> list[tuple[str, str]]:
    return [(name, count) for name in names for count in "01"]


def sent(receiver: Receiver) -> list[tuple[str, str]]:
    """Message id and number of the retry of everything that came."""
    return sorted((got.message_id, got.header("X-Retry-Count")) for got in receiver.got)


def test_two_workers_send_nothing_twice(source: Source, destination: Destination, receiver: Receiver) -> None:
    receiver.answer = fails_first
    names, workers = fill_two_partitions(source, 60), [Driven(), Driven()]

    def both() -> bool:
        make_due()
        for one in workers:
            one.turn()
        return len(tries(destination)) == 120

    wait_for(both, "everything is delivered at the second try", START)
    for one in workers:
        one.turns()
        one.close()
    assert sent(receiver) == both_tries(names)
    assert (outcomes(destination), came_in(source)) == ({"retried": 60}, {"received": 60})


def test_claims_of_a_worker_that_is_gone_come_back_when_they_are_over(
    source: Source, destination: Destination, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PATIENCE", 0.05)
    receiver.hold()
    append_events(source, track("a"))
    gone, next_one = Driven(), Driven()
    gone.until(Delivery.objects.exists, "it is under way, claimed")
    gone.close()
    receiver.release()
    next_one.turns()
    assert (len(receiver.got), delivery().status) == (1, "waiting")
    expire_claims()
    next_one.until(lambda: delivery().status == "delivered", "it is delivered")
    next_one.close()
    assert (receiver.message_ids, receiver.bodies[0]) == (["a", "a"], receiver.bodies[1])


def test_a_partition_is_read_by_one_worker_and_free_when_that_one_ends(
    source: Source, destination: Destination, receiver: Receiver
) -> None:
    first, second = Driven(), Driven()
    append_events(source, track("a"))
    first.work_off()
    append_events(source, track("b"))
    second.turns()
    assert receiver.message_ids == ["a"]
    first.close()
    second.look_for_changes()
    second.work_off()
    second.close()
    assert receiver.message_ids == ["a", "b"]


def test_a_stopped_worker_finishes_what_is_under_way_and_parks_the_rest(
    source: Source, destination: Destination, receiver: Receiver
) -> None:
    receiver.hold()
    append_events(source, *(track(f"m{number:02}") for number in range(40)))
    with running() as worker:
        wait_for(lambda: len(receiver.got) == 32, "the cap is reached")
        worker.stop()
        wait_for(lambda: not worker._sender._courier.queued, "what is not under way is taken back")
        receiver.release()
    assert len(receiver.got) == len(tries(destination)) == 32
    assert Delivery.objects.filter(status="waiting", attempts=0).count() == 8
    assert (ledger.saved_position(0), outcomes(destination)) == (1, {"delivered": 32})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_process_finish_what_is_under_way(
    start_worker: Callable[[], Process], source: Source, destination: Destination, receiver: Receiver, number: int
) -> None:
    receiver.hold()
    append_events(source, track("a"))
    process = start_worker()
    wait_for(lambda: receiver.got, "it is under way", START)
    process.send_signal(number)
    receiver.release()
    assert process.wait(START) == 0
    assert tries(destination) == [("a", 1, 200, "")]
    assert (receiver.message_ids, ledger.saved_position(0)) == (["a"], 1)


def test_kill_9_in_the_middle_loses_nothing_and_repeats_under_the_same_id(
    start_worker: Callable[[], Process], source: Source, destination: Destination, receiver: Receiver
) -> None:
    settled, names = [f"s{number:02}" for number in range(20)], [f"m{number:03}" for number in range(300)]
    append_events(source, *map(track, settled))
    process = start_worker()
    wait_for(lambda: ledger.saved_position(0) == 1, "the first batch is settled", START)
    gate = close_after(receiver, 120)
    append(*(log_entry(source, track(name)) for name in names))
    wait_for(lambda: len(receiver.got) > 120, "it is in the middle", START)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(START)
    gate.set()
    expire_claims()
    start_worker()
    everything = {*settled, *names}
    wait_for(lambda: make_due() == 0 and {name for name, *_ in tries(destination)} == everything, "all", START)
    assert set(receiver.message_ids) == everything
    assert set(receiver.repeated) <= set(names)
    assert len({(got.message_id, got.body) for got in receiver.got}) == len(everything)
    assert came_in(source) == {"received": 320}


def close_after(receiver: Receiver, count: int) -> threading.Event:
    """Answer `count` requests in all, the others once the gate is open."""
    gate = threading.Event()

    def answer(_got: Got) -> Answer:
        if len(receiver.got) > count:
            gate.wait(START)
        return OK

    receiver.answer = answer
    return gate


def test_two_processes_send_nothing_twice(
    start_worker: Callable[[], Process], source: Source, destination: Destination, receiver: Receiver
) -> None:
    receiver.answer = fails_first
    names = fill_two_partitions(source, 150)
    processes = [start_worker(), start_worker()]
    wait_for(lambda: make_due() == 0 and len(tries(destination)) == 300, "all are delivered", START)
    for process in processes:
        process.terminate()
    assert [process.wait(START) for process in processes] == [0, 0]
    assert sent(receiver) == both_tries(names)
    assert (outcomes(destination), came_in(source)) == ({"retried": 150}, {"received": 150})
