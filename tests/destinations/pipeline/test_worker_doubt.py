"""A commit whose answer is lost: nothing is counted twice, nothing is missing, whether it went through or not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import OperationalError

from destinations.delivery import ledger
from destinations.models import Attempt, Delivery, Destination
from destinations.pipeline import worker as worker_module
from destinations.pipeline.writing import Writing
from tests.destinations.factories import append_events, track
from tests.destinations.pipeline.driving import came_in, make_due, outcomes, running, tries
from tests.destinations.receivers import Receiver, wait_for
from workspaces.models import Source

LogCapture = pytest.LogCaptureFixture
Lose = Callable[[str], None]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "TROUBLE_PAUSE", 0.05)


@pytest.fixture
def lose(monkeypatch: pytest.MonkeyPatch) -> Lose:
    """Let the next transaction end in an error `before` or `after` its commit."""
    real = Writing.write

    def next_one(when: str) -> None:
        def write(self: Writing) -> None:
            monkeypatch.setattr(Writing, "write", real)
            if when == "after":
                real(self)
            raise OperationalError("the connection is gone")

        monkeypatch.setattr(Writing, "write", write)

    return next_one


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_batch_is_counted_once(
    when: str, lose: Lose, source: Source, destination: Destination, receiver: Receiver, caplog: LogCapture
) -> None:
    lose(when)
    append_events(source, track("a"), track("b"))
    with running():
        wait_for(lambda: "the pipeline waits" in caplog.text, "the answer is lost")
        append_events(source, track("c"))
        wait_for(lambda: ledger.saved_position(0) == 2, "everything is settled")
    assert sorted(receiver.message_ids) == ["a", "b", "c"]
    assert tries(destination) == [(name, 1, 200, "") for name in ("a", "b", "c")]
    assert (outcomes(destination), came_in(source)) == ({"delivered": 3}, {"received": 3})


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_retry_is_counted_once(
    when: str, lose: Lose, source: Source, destination: Destination, receiver: Receiver, caplog: LogCapture
) -> None:
    receiver.says(500, 200)
    append_events(source, track("a"))
    with running():
        wait_for(Delivery.objects.exists, "the first try has failed")
        lose(when)
        make_due()
        wait_for(lambda: "the pipeline waits" in caplog.text, "the answer is lost")
        wait_for(lambda: Attempt.objects.count() == 2, "both tries are on record")
        wait_for(lambda: Delivery.objects.get().status == "delivered", "and its end")
    assert receiver.message_ids == ["a", "a"]
    assert outcomes(destination) == {"retried": 1}
