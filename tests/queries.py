"""Counting what a page asks the database, the same on a quick machine and on a busy one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from django.db import connection
from django.test.utils import CaptureQueriesContext

from workspaces import idle


@contextmanager
def counted() -> Iterator[CaptureQueriesContext]:
    """The statements of the block, but for the note of a session's last action: that is written once a second at most.

    So whether a page pays for it depends on when the page before it was asked for.
    """
    with mock.patch.object(idle, "WRITE_EVERY", 3600), CaptureQueriesContext(connection) as queries:
        yield queries
