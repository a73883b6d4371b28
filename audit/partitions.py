"""On PostgreSQL the audit log is one partition for each month (UTC), by ids, which are drawn in the order of time.

A month is made three months ahead, after each migration and every day; what no month takes, such as rows of a clock
that runs wrong, goes into a partition of its own, so that a month that is missing never stops the log. A month whose
rows were all purged is dropped. SQLite has one table and behaves the same.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from django.db import DatabaseError, connection, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.utils import CursorWrapper
from django.db.migrations import CreateModel
from django.db.migrations.state import ProjectState
from django.utils import timezone

from audit.append_only import ROWS, partition_triggers, partitions_of
from audit.ids import lowest_id_at
from audit.retention import LEAST_YEARS, cutoff

logger = logging.getLogger(__name__)

AHEAD = 3  # months
OTHER = f"{ROWS}_other"
# Making or dropping one needs the whole table for a moment. The log waits no longer for that; tomorrow is another day.
PATIENCE = "SET LOCAL lock_timeout = '1s'"


class CreatePartitionedModel(CreateModel):
    """Creates a model whose table PostgreSQL partitions by ranges of its id."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """As any model's table, and on PostgreSQL with the partition for what no other takes."""
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        plain = schema_editor.sql_create_table
        schema_editor.sql_create_table = f"{plain} PARTITION BY RANGE (id)"
        super().database_forwards(app_label, schema_editor, from_state, to_state)
        schema_editor.sql_create_table = plain
        schema_editor.execute(f"CREATE TABLE {OTHER} PARTITION OF {ROWS} DEFAULT")


def maintain(now: datetime) -> None:
    """Make the months to come and drop those whose rows are all gone. What cannot be done now is logged and left."""
    there = partitions_of(connection)
    if OTHER not in there:  # SQLite, or no table yet
        return
    for month in _months(now):
        if name(month) not in there:
            _try(_make, month)
    for month in filter(None, map(month_of, there)):
        if following(month) <= cutoff(LEAST_YEARS, now):
            _try(_drop_if_empty, month)


def after_migration(**_: object) -> None:
    """A new database has its months before the first row is written."""
    maintain(timezone.now())


def name(month: datetime) -> str:
    """The partition of a month."""
    return f"{ROWS}_{month:%Y_%m}"


def month_of(partition: str) -> datetime | None:
    """The month of a partition by its name; None for that of everything else."""
    try:
        return datetime.strptime(partition.removeprefix(f"{ROWS}_"), "%Y_%m").replace(tzinfo=UTC)
    except ValueError:
        return None


def following(month: datetime) -> datetime:
    """The first moment of the month after."""
    return (month.replace(day=1) + timedelta(days=31)).replace(day=1)


def bounds(month: datetime) -> tuple[uuid.UUID, uuid.UUID]:
    """The lowest id of the month and that of the next."""
    return lowest_id_at(month), lowest_id_at(following(month))


def _months(now: datetime) -> Iterator[datetime]:
    month = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for _ in range(AHEAD + 1):
        yield month
        month = following(month)


def _try(change: Callable[[CursorWrapper, str, datetime], None], month: datetime) -> None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(PATIENCE)
            change(cursor, name(month), month)
    except DatabaseError as error:  # locked, or rows of the month stand in OTHER already
        logger.warning("partition %s of the audit log stays as it is: %s", name(month), type(error).__name__)


def _make(cursor: CursorWrapper, partition: str, month: datetime) -> None:
    first, end = bounds(month)
    cursor.execute(f"CREATE TABLE {partition} PARTITION OF {ROWS} FOR VALUES FROM ('{first}') TO ('{end}')")
    for statement in partition_triggers(partition):
        cursor.execute(statement)


def _drop_if_empty(cursor: CursorWrapper, partition: str, _: datetime) -> None:
    cursor.execute(f"LOCK TABLE {partition} IN ACCESS EXCLUSIVE MODE")
    cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {partition})")  # noqa: S608  (our own names)
    if not cursor.fetchone()[0]:
        cursor.execute(f"DROP TABLE {partition}")
