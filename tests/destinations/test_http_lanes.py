"""Who waits for whom at the door out: a lane for each destination, caps, and what is taken back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from destinations.catalog.base import Request, Response
from destinations.delivery import http
from destinations.delivery.address_guard import parse_networks
from destinations.delivery.http import MAX_IN_FLIGHT_EACH, Courier
from tests.destinations.receivers import Receiver, receiving, wait_for

Done = list[tuple[str, Response]]


@pytest.fixture
def courier() -> Iterator[Courier[str]]:
    made: Courier[str] = Courier(parse_networks(["127.0.0.0/8"]))
    yield made
    made.close()


@pytest.fixture
def slow() -> Iterator[Receiver]:
    """A receiver that does not answer until released."""
    with receiving() as made:
        made.hold()
        yield made


@pytest.fixture
def quick() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def submit(courier: Courier[str], lane: str, receiver: Receiver, count: int) -> list[str]:
    """Hand in `count` requests; their tokens."""
    tokens = [f"{lane}{number}" for number in range(count)]
    for token in tokens:
        courier.submit(lane, token, Request(receiver.url, [("X-Message-Id", token)], b"{}", 20.0))
    return tokens


def poll_until(courier: Courier[str], true, what: str) -> list[str]:
    """The tokens that were answered until `true`."""
    done: Done = []
    wait_for(lambda: done.extend(courier.poll(0.02)) or true(done), what)
    assert {response.status for _, response in done} <= {200}
    return [token for token, _ in done]


def finish(courier: Courier[str], count: int) -> list[str]:
    return poll_until(courier, lambda done: len(done) == count, f"{count} answers")


def test_one_destination_has_at_most_its_cap_under_way(courier: Courier[str], slow: Receiver) -> None:
    tokens = submit(courier, "a", slow, 50)
    poll_until(courier, lambda _: len(slow.got) == MAX_IN_FLIGHT_EACH, "the cap is reached")
    assert (courier.in_flight, courier.queued, courier.load("a")) == (MAX_IN_FLIGHT_EACH, 18, 50)
    slow.release()
    assert sorted(finish(courier, 50)) == sorted(tokens) == sorted(slow.message_ids)
    assert (courier.in_flight, courier.queued, courier.load("a")) == (0, 0, 0)


def test_a_destination_that_hangs_does_not_hold_up_another(
    courier: Courier[str], slow: Receiver, quick: Receiver
) -> None:
    submit(courier, "a", slow, 40)
    tokens = submit(courier, "b", quick, 100)
    assert sorted(finish(courier, 100)) == sorted(tokens)
    assert len(slow.got) == MAX_IN_FLIGHT_EACH


def test_one_lane_is_served_in_order(courier: Courier[str], quick: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_IN_FLIGHT_EACH", 1)
    tokens = submit(courier, "a", quick, 20)
    assert finish(courier, 20) == tokens == quick.message_ids
    assert quick.connections == 1


def test_many_slow_destinations_leave_room_for_one_more(
    courier: Courier[str], slow: Receiver, quick: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_IN_FLIGHT", 16)
    for lane in "abcd":
        submit(courier, lane, slow, 10)
    poll_until(courier, lambda _: len(slow.got) == courier.in_flight, "they are under way")
    assert courier.in_flight < 16
    assert {lane: courier.load(lane) for lane in "abcd"} == dict.fromkeys("abcd", 10)
    assert sorted(submit(courier, "z", quick, 3)) == sorted(finish(courier, 3))


def test_every_destination_gets_at_least_one_through(
    courier: Courier[str], slow: Receiver, quick: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_IN_FLIGHT", 2)
    for lane in "abcd":
        submit(courier, lane, slow, 2)
    poll_until(courier, lambda _: len(slow.got) == 4, "one of each is under way")
    assert sorted(submit(courier, "z", quick, 3)) == sorted(finish(courier, 3))


def test_what_was_not_sent_can_be_taken_back(courier: Courier[str], slow: Receiver) -> None:
    tokens = submit(courier, "a", slow, 40)
    poll_until(courier, lambda _: len(slow.got) == MAX_IN_FLIGHT_EACH, "the cap is reached")
    assert courier.withdraw(60.0) == []
    assert courier.withdraw(0.0) == tokens[MAX_IN_FLIGHT_EACH:]
    assert (courier.queued, courier.in_flight) == (0, MAX_IN_FLIGHT_EACH)
    slow.release()
    finish(courier, MAX_IN_FLIGHT_EACH)
    assert sorted(slow.message_ids) == sorted(tokens[:MAX_IN_FLIGHT_EACH])


def test_what_is_under_way_is_named_once_it_is_old_enough(
    courier: Courier[str], slow: Receiver, quick: Receiver
) -> None:
    tokens = submit(courier, "a", slow, 3)
    submit(courier, "b", quick, 1)
    poll_until(courier, lambda done: len(done) == 1 and len(slow.got) == 3, "three are held")
    assert courier.under_way(60.0) == []
    assert sorted(courier.under_way(0.0)) == tokens
    slow.release()
    finish(courier, 3)
    assert courier.under_way(0.0) == []


def test_a_lane_with_a_pace_keeps_it_and_holds_up_no_other(
    courier: Courier[str], quick: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(http, "monotonic", lambda: now[0])
    for number in range(3):
        courier.submit("a", f"a{number}", Request(quick.url, [], b"{}", 20.0), pace=1.5)
    submit(courier, "b", quick, 20)
    assert "a1" not in finish(courier, 21)
    for later, done in ((1.4, []), (0.1, ["a1"]), (1.4, []), (0.1, ["a2"])):
        now[0] += later
        assert (finish(courier, 1) if done else [token for token, _ in courier.poll(0.02)]) == done
    assert courier.load("a") == 0
    courier.submit("a", "a3", Request(quick.url, [], b"{}", 20.0), pace=1.5)
    assert courier.poll(0.02) == []
    now[0] += 1.5
    assert finish(courier, 1) == ["a3"]


def test_a_request_that_is_to_wait_is_not_sent_before(
    courier: Courier[str], quick: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(http, "monotonic", lambda: now[0])
    courier.submit("a", "a0", Request(quick.url, [], b"{}", 20.0), wait=0.5)
    submit(courier, "b", quick, 1)
    assert "a0" not in finish(courier, 1)
    now[0] += 0.4
    assert courier.poll(0.02) == []
    now[0] += 0.1
    assert finish(courier, 1) == ["a0"]
