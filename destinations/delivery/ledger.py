"""The ledger: attempts, deliveries that wait or ended badly, counts and log positions, written many rows at a time.

The worker writes one transaction for whole batches, so nothing here goes through the ORM (300 µs a row there, about 10
here). Rows are plain tuples in the order of the column lists below.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from audit.ids import new_id
from destinations.models import Delivery
from workspaces.sealing import seal, unseal

CONSUMER = "delivery"

ATTEMPT_COLUMNS = (
    *("id", "destination_id", "message_id", "event_type", "number", "received_at", "tried_at", "duration_ms"),
    *("status_code", "code", "key_fingerprint"),
)
DELIVERY_COLUMNS = (
    *("id", "workspace_id", "destination_id", "message_id", "event_type", "received_at", "status", "reason"),
    *("attempts", "first_tried_at", "next_try_at", "key_fingerprint", "sealed_body"),
    *("log_partition", "log_position", "log_place"),
)
SETTLE_COLUMNS = ("status", "reason", "attempts", "next_try_at", "sealed_body")

Hour = datetime
CountKey = tuple[uuid.UUID, Hour, str, str]  # destination, hour, event type, outcome


@dataclass(slots=True)
class Job:
    """One event on its way to one destination: the body is what leaves, its chosen fields already encrypted."""

    destination_id: uuid.UUID
    workspace_id: uuid.UUID
    message_id: str
    event_type: str
    received_at: datetime
    body: bytes
    key_fingerprint: str
    place: tuple[int, int, int]  # partition, position and place in the event log
    attempts: int = 0
    first_tried: float = 0.0  # seconds since 1970
    delivery_id: uuid.UUID | None = None  # set once the ledger has a Delivery row


@dataclass(slots=True)
class Page:
    """Rows to be written together."""

    attempts: list[tuple[Any, ...]] = field(default_factory=list)
    deliveries: list[tuple[Any, ...]] = field(default_factory=list)
    settled: list[tuple[Any, ...]] = field(default_factory=list)
    counts: dict[CountKey, int] = field(default_factory=dict)

    def note_attempt(self, job: Job, *, tried_at: float, duration_ms: int, status_code: int | None, code: str) -> None:
        """Record one try; `job.attempts` already counts it."""
        when = datetime.fromtimestamp(tried_at, UTC)
        row = (new_id(), job.destination_id, job.message_id, job.event_type, job.attempts, job.received_at, when)
        self.attempts.append((*row, duration_ms, status_code, code, job.key_fingerprint))

    def note_delivery(self, job: Job, status: str, reason: str, *, next_try: float | None = None) -> None:
        """Record how a delivery stands that did not succeed at once."""
        at = None if next_try is None else datetime.fromtimestamp(next_try, UTC)
        if job.delivery_id is not None:
            self._settle(job, status, reason, at)
            return
        delivery_id = new_id()
        body = b"" if status == Delivery.Status.HELD else sealed_body(delivery_id, job.body)
        first = datetime.fromtimestamp(job.first_tried, UTC) if job.first_tried else None
        row = (delivery_id, job.workspace_id, job.destination_id, job.message_id, job.event_type, job.received_at)
        self.deliveries.append((*row, status, reason, job.attempts, first, at, job.key_fingerprint, body, *job.place))

    def _settle(self, job: Job, status: str, reason: str, at: datetime | None) -> None:
        # What is delivered needs no body any more; everything else keeps the one it has.
        body = b"" if status == Delivery.Status.DELIVERED else None
        self.settled.append((status, reason, job.attempts, at, body, job.delivery_id))

    def count(self, job: Job, outcome: str) -> None:
        """Count one event that came to an end."""
        key = (job.destination_id, job.received_at.replace(minute=0, second=0, microsecond=0), job.event_type, outcome)
        self.counts[key] = self.counts.get(key, 0) + 1

    def add(self, other: Page) -> None:
        """Take over another page's rows."""
        self.attempts += other.attempts
        self.deliveries += other.deliveries
        self.settled += other.settled
        for key, count in other.counts.items():
            self.counts[key] = self.counts.get(key, 0) + count

    def __bool__(self) -> bool:
        return bool(self.attempts or self.deliveries or self.settled or self.counts)


def write(page: Page) -> None:
    """Insert and update every row of the page. Called inside the caller's transaction."""
    _insert("destinations_attempt", ATTEMPT_COLUMNS, page.attempts)
    _insert("destinations_delivery", DELIVERY_COLUMNS, page.deliveries)
    _settle(page.settled)
    _add_counts(page.counts)


def save_positions(positions: Mapping[int, int]) -> None:
    """Remember how far each partition of the event log is settled. Called inside the caller's transaction."""
    sql = (
        "INSERT INTO workspaces_logposition (consumer, partition, position) VALUES (%s, %s, %s) "
        "ON CONFLICT (consumer, partition) DO UPDATE SET position = excluded.position"
    )
    with connection.cursor() as cursor:
        cursor.executemany(sql, [(CONSUMER, partition, position) for partition, position in positions.items()])


def saved_position(partition: int) -> int:
    """How far the partition is settled."""
    with connection.cursor() as cursor:
        sql = "SELECT position FROM workspaces_logposition WHERE consumer = %s AND partition = %s"
        cursor.execute(sql, (CONSUMER, partition))
        row = cursor.fetchone()
    return row[0] if row else 0


def claim_due(now: float, *, until: float, limit: int, but_for: Sequence[uuid.UUID]) -> list[Job]:
    """Take up to `limit` deliveries whose time has come, ours until `until`; a killed worker's come back then."""
    at, lease = datetime.fromtimestamp(now, UTC), datetime.fromtimestamp(until, UTC)
    locked = " FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    left_out = f" AND destination_id NOT IN ({', '.join(['%s'] * len(but_for))})" if but_for else ""
    sql = (
        "UPDATE destinations_delivery SET claimed_until = %s WHERE id IN ("  # noqa: S608  (only %s marks are joined)
        "SELECT id FROM destinations_delivery WHERE status = 'waiting' AND next_try_at <= %s "
        f"AND (claimed_until IS NULL OR claimed_until < %s){left_out} ORDER BY next_try_at LIMIT %s{locked}) "
        "RETURNING id, workspace_id, destination_id, message_id, event_type, received_at, attempts, first_tried_at, "
        "key_fingerprint, sealed_body, log_partition, log_position, log_place"
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, _plain_rows([(lease, at, at, *but_for, limit)])[0])
        return [_job(row) for row in cursor.fetchall()]


def sealed_body(delivery_id: uuid.UUID, body: bytes) -> bytes:
    """A body as the ledger keeps it."""
    return seal(body, bound_to=b"delivery" + delivery_id.bytes)


def open_body(delivery_id: uuid.UUID, sealed: bytes) -> bytes:
    """The body again; raises SealError where it does not open."""
    return unseal(sealed, bound_to=b"delivery" + delivery_id.bytes)


def _job(row: Sequence[Any]) -> Job:
    delivery_id, workspace_id, destination_id = (_uuid(value) for value in row[:3])
    message_id, event_type, received, attempts, first, fingerprint, sealed, *place = row[3:]
    return Job(
        destination_id=destination_id,
        workspace_id=workspace_id,
        message_id=message_id,
        event_type=event_type,
        received_at=_moment(received),
        body=open_body(delivery_id, bytes(sealed)),
        key_fingerprint=fingerprint,
        place=(place[0], place[1], place[2]),
        attempts=attempts,
        first_tried=_moment(first).timestamp() if first else 0.0,
        delivery_id=delivery_id,
    )


def _insert(table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    marks = ", ".join(["%s"] * len(columns))
    # S608: names from this module only.
    _run(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)  # noqa: S608


def _settle(rows: Sequence[tuple[Any, ...]]) -> None:
    sql = (
        "UPDATE destinations_delivery SET status = %s, reason = %s, attempts = %s, next_try_at = %s, "
        "sealed_body = coalesce(%s, sealed_body), claimed_until = NULL WHERE id = %s"
    )
    _run(sql, rows)


def _add_counts(counts: Mapping[CountKey, int]) -> None:
    sql = (
        "INSERT INTO destinations_deliverycount (destination_id, hour, event_type, outcome, count) "
        "VALUES (%s, %s, %s, %s, %s) ON CONFLICT (destination_id, hour, event_type, outcome) "
        "DO UPDATE SET count = destinations_deliverycount.count + excluded.count"
    )
    # In one order everywhere: two workers then never wait for each other's rows in a circle.
    _run(sql, [(*key, count) for key, count in sorted(counts.items())])


def _run(sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(sql, _plain_rows(rows))


def _plain_rows(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Values as the driver takes them: SQLite has neither UUIDs nor moments."""
    if connection.vendor == "postgresql":
        return [list(row) for row in rows]
    return [[_SQLITE[type(value)](value) if type(value) in _SQLITE else value for value in row] for row in rows]


_SQLITE: dict[type, Callable[[Any], str]] = {
    uuid.UUID: lambda value: value.hex,
    datetime: lambda value: value.replace(tzinfo=None).isoformat(" "),
}


def _uuid(value: Any) -> uuid.UUID:
    return value if isinstance(value, uuid.UUID) else uuid.UUID(value)


def _moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value).replace(tzinfo=UTC)
