"""Transactions that change the same rows at the same time, each in a connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.db import OperationalError, connection, connections

PATIENCE = 20.0
STEP = 0.5  # seconds for which one waits for the others to have changed their first row


@contextmanager
def after_first_change(table: str, then: Callable[[], object]) -> Iterator[None]:
    """Call `then` once this thread has changed its first row of the table."""
    changed = False

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal changed
        done = execute(sql, params, many, context)
        if sql.replace('"', "").startswith(f"UPDATE {table} ") and not changed:
            changed = True
            then()
        return done

    with connection.execute_wrapper(watch):
        yield


def at_once(table: str, *deeds: Callable[[], object], in_turn: bool = False) -> list[OperationalError]:
    """Do all of them in connections of their own, each pausing after its first change of `table` until all have
    made one; the errors of those that waited in a circle.

    `in_turn`: each begins when the one before it has made its first change.
    """
    meeting, failed = threading.Barrier(len(deeds)), list[OperationalError]()

    changed = threading.Event()

    def pause() -> None:
        changed.set()
        with suppress(threading.BrokenBarrierError):  # the others wait for a row of ours
            meeting.wait(STEP)

    def run(deed: Callable[[], object]) -> None:
        try:
            with after_first_change(table, pause):
                deed()
        except OperationalError as error:
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[deed]) for deed in deeds]
    for thread in threads:
        changed.clear()
        thread.start()
        assert not in_turn or thread is threads[-1] or changed.wait(PATIENCE)
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    return failed
