"""The ledger: attempts, deliveries that wait or ended badly, counts and log positions, written many rows at a time.

The worker writes one transaction for whole batches, so nothing here goes through the ORM (300 µs a row there, about 10
here). Rows are plain tuples in the order of the column lists below.
"""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import connection, transaction

from audit.ids import new_id
from destinations.delivery import latency
from destinations.models import Delivery, DeliveryNameCount
from workspaces import name_counts
from workspaces.sealing import SealError, seal, unseal

logger = logging.getLogger(__name__)

CONSUMER = "delivery"
NAME_COUNTS = DeliveryNameCount._meta.db_table

ATTEMPT_COLUMNS = (
    *("id", "destination_id", "message_id", "event_type", "number", "received_at", "tried_at", "duration_ms"),
    *("status_code", "code", "key_fingerprint"),
)
DELIVERY_COLUMNS = (
    *("id", "workspace_id", "destination_id", "message_id", "event_type", "received_at", "status", "reason"),
    *("attempts", "first_tried_at", "next_try_at", "claimed_until", "key_fingerprint", "sealed_body"),
    *("log_partition", "log_position", "log_place", "event", "sealed_answer", "protection"),
)

SAMPLE_COLUMNS = (
    *("id", "destination_id", "outcome", "received_at"),
    *("log_partition", "log_position", "log_place"),
)
MOST_SAMPLES = 10  # of one reason and page (documented: up to ten are shown)

JOB_COLUMNS = (
    "id, workspace_id, destination_id, message_id, event_type, event, received_at, attempts, first_tried_at, "
    "key_fingerprint, sealed_body, protection, log_partition, log_position, log_place, replay_id"
)
DUE = "status = 'waiting' AND next_try_at <= %s AND (claimed_until IS NULL OR claimed_until < %s)"
FURTHEST_TURN = 60.0  # seconds
NO_EVENT = 0  # the position of a notice of deletion, which comes from no event and holds nothing that is encrypted

Hour = datetime
CountKey = tuple[uuid.UUID, datetime, str, str, str]  # destination, minute, event type, outcome, event name
LatencyKey = tuple[uuid.UUID, Hour, int]  # destination, hour, bucket (destinations.delivery.latency)


class Job(msgspec.Struct):
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
    hour: Hour | None = None  # of `received_at`, where it is known already
    minute: datetime | None = None  # the same
    event: str = ""  # the name it is counted under
    withheld: int = 0  # values that were left out of the body
    protection: int = 1  # the destination's when the body was prepared
    replay_id: uuid.UUID | None = None  # a replay's events stand in its own numbers alone (documented)

    def note_withheld(self, values: int) -> None:
        """Remember how many values were left out."""
        self.withheld = values


def minute_of(moment: datetime) -> datetime:
    """The start of its minute."""
    return moment.replace(second=0, microsecond=0)


def hour_of(moment: datetime) -> Hour:
    """The start of its hour."""
    return moment.replace(minute=0, second=0, microsecond=0)


@dataclass(slots=True)
class Page:
    """Rows to be written together."""

    attempts: list[tuple[Any, ...]] = field(default_factory=list)
    deliveries: list[tuple[Any, ...]] = field(default_factory=list)
    settled: list[tuple[Any, ...]] = field(default_factory=list)
    counts: dict[CountKey, int] = field(default_factory=dict)
    withheld: dict[tuple[uuid.UUID, Hour], int] = field(default_factory=dict)  # by destination and hour
    latencies: dict[LatencyKey, int] = field(default_factory=dict)
    samples: dict[tuple[uuid.UUID, str], list[tuple[Any, ...]]] = field(default_factory=dict)
    encrypted: Counter[uuid.UUID] = field(default_factory=Counter)  # events by the key some value was encrypted under
    email_ids: dict[uuid.UUID, tuple[int, datetime]] = field(default_factory=dict)  # by source: events, the latest

    def note_attempt(self, job: Job, *, tried_at: float, duration_ms: int, status_code: int | None, code: str) -> None:
        """Record one try; `job.attempts` already counts it."""
        row = (new_id(), job.destination_id, storable(job.message_id), job.event_type, job.attempts, job.received_at)
        self.attempts.append((*row, _moment_of(tried_at), duration_ms, status_code, code, job.key_fingerprint))
        if not code and job.replay_id is None:
            took = (tried_at - job.received_at.timestamp()) * 1000 + duration_ms
            key = (job.destination_id, job.hour or hour_of(job.received_at), latency.bucket_of(took))
            self.latencies[key] = self.latencies.get(key, 0) + 1

    def note_delivery(
        self,
        job: Job,
        status: str,
        reason: str,
        *,
        next_try: float | None = None,
        claimed_until: float | None = None,
        answer: bytes | None = None,
    ) -> None:
        """Record how a delivery stands that did not succeed at once.

        An empty reason, and `answer` None, leave the last ones. `answer` is what the receiver said, to be sealed here.
        """
        if job.delivery_id is not None:
            self._settle(job, status, reason, next_try, answer)
            return
        job.delivery_id = delivery_id = new_id()
        body = b"" if status == Delivery.Status.HELD else sealed_body(delivery_id, job.body)
        row = (delivery_id, job.workspace_id, job.destination_id, storable(job.message_id), job.event_type)
        times = (_moment_of(job.first_tried), _moment_of(next_try), _moment_of(claimed_until))
        stands = (job.received_at, status, reason, job.attempts, *times)
        kept = (job.key_fingerprint, body, *job.place, job.event, sealed_answer(delivery_id, answer))
        self.deliveries.append((*row, *stands, *kept, job.protection))

    def _settle(self, job: Job, status: str, reason: str, next_try: float | None, answer: bytes | None) -> None:
        # What is delivered needs no body any more and has no reason; everything else keeps the ones it has.
        delivered = status == Delivery.Status.DELIVERED
        kept = ("" if delivered else reason or None, job.attempts, _moment_of(job.first_tried), _moment_of(next_try))
        said = b"" if delivered else None
        if job.delivery_id is not None and answer is not None and not delivered:
            said = sealed_answer(job.delivery_id, answer)
        self.settled.append((status, *kept, b"" if delivered else None, said, job.delivery_id))

    def count(self, job: Job, outcome: str) -> None:
        """Count one event that came to an end."""
        if job.replay_id is not None:
            return
        minute = job.minute or minute_of(job.received_at)
        self._count((job.destination_id, minute, job.event_type, outcome, job.event))

    def count_row(self, row: Delivery, outcome: str) -> None:
        """The same of an event that has a row in the ledger."""
        self._count((row.destination_id, minute_of(row.received_at), row.event_type, outcome, row.event))

    def _count(self, key: CountKey) -> None:
        self.counts[key] = self.counts.get(key, 0) + 1

    def note_sample(self, job: Job, outcome: str) -> None:
        """Remember where an event that was kept back stands, the last ten of each reason."""
        some = self.samples.setdefault((job.destination_id, outcome), [])
        some.append((new_id(), job.destination_id, outcome, job.received_at, *job.place))
        del some[:-MOST_SAMPLES]

    def note_withheld(self, job: Job) -> None:
        """Count the values that were left out of the job's body."""
        key = (job.destination_id, job.hour or hour_of(job.received_at))
        self.withheld[key] = self.withheld.get(key, 0) + job.withheld

    def count_encrypted(self, key_ids: Iterable[uuid.UUID]) -> None:
        """Count one event, encrypted under these keys: one for each destination it goes to."""
        self.encrypted.update(key_ids)

    def count_email_id(self, source_id: uuid.UUID, received: datetime, count: int = 1) -> None:
        """Count events whose `userId` looks like an e-mail address."""
        before, latest = self.email_ids.get(source_id, (0, received))
        self.email_ids[source_id] = (before + count, max(latest, received))

    def add(self, other: Page) -> None:
        """Take over another page's rows."""
        self.attempts += other.attempts
        self.deliveries += other.deliveries
        self.settled += other.settled
        for key, count in other.counts.items():
            self.counts[key] = self.counts.get(key, 0) + count
        for reason, rows in other.samples.items():
            self.samples[reason] = [*self.samples.get(reason, []), *rows][-MOST_SAMPLES:]
        for hour, count in other.withheld.items():
            self.withheld[hour] = self.withheld.get(hour, 0) + count
        for bucket, count in other.latencies.items():
            self.latencies[bucket] = self.latencies.get(bucket, 0) + count
        self.encrypted.update(other.encrypted)
        for source_id, (count, latest) in other.email_ids.items():
            self.count_email_id(source_id, latest, count)

    def __bool__(self) -> bool:
        return bool(self.attempts or self.deliveries or self.settled or self.counts or self.withheld)


def write(page: Page) -> None:
    """Insert and update every row of the page. Called inside the caller's transaction.

    Counts are added each time, so a page whose commit is in doubt is looked for first (`holds_any`). Rows of
    destinations that are gone are left out.
    """
    gone = _gone(page)
    _insert("destinations_attempt", ATTEMPT_COLUMNS, _without(gone, page.attempts, 1))
    _insert("destinations_delivery", DELIVERY_COLUMNS, _without(gone, page.deliveries, 2))
    _settle(page.settled)
    samples = [row for rows in page.samples.values() for row in rows]
    _insert("destinations_filteredsample", SAMPLE_COLUMNS, _without(gone, samples, 1))
    _add_counts({key: count for key, count in page.counts.items() if key[0] not in gone})
    _add_withheld({key: count for key, count in page.withheld.items() if key[0] not in gone})
    _add_latencies({key: count for key, count in page.latencies.items() if key[0] not in gone})
    _add_encrypted(page.encrypted)
    _add_email_ids(page.email_ids)


def holds_any(page: Page) -> bool:
    """Whether a row that the page adds is there already: they come all together or not at all."""
    attempts = [row[0] for row in page.attempts]
    deliveries = [row[0] for row in page.deliveries]
    return any(_holds_any(table, ids) for table, ids in (("attempt", attempts), ("delivery", deliveries)) if ids)


def _holds_any(table: str, ids: Sequence[uuid.UUID]) -> bool:
    marks = ", ".join(["%s"] * len(ids))
    with connection.cursor() as cursor:
        # S608: only marks and a name of this module are joined.
        cursor.execute(f"SELECT 1 FROM destinations_{table} WHERE id IN ({marks}) LIMIT 1", *_plain_rows([ids]))  # noqa: S608
        return cursor.fetchone() is not None


def save_positions(positions: Mapping[int, int]) -> None:
    """Remember how far each partition of the event log is settled, never less far than before.

    Called inside the caller's transaction.
    """
    sql = (
        "INSERT INTO workspaces_logposition (consumer, partition, position) VALUES (%s, %s, %s) "
        "ON CONFLICT (consumer, partition) DO UPDATE SET position = excluded.position "
        "WHERE workspaces_logposition.position < excluded.position"
    )
    _run(sql, [(CONSUMER, partition, position) for partition, position in sorted(positions.items())])


def saved_position(partition: int) -> int:
    """How far the partition is settled."""
    with connection.cursor() as cursor:
        sql = "SELECT position FROM workspaces_logposition WHERE consumer = %s AND partition = %s"
        cursor.execute(sql, (CONSUMER, partition))
        row = cursor.fetchone()
    return row[0] if row else 0


def due_destinations(now: float) -> list[uuid.UUID]:
    """Destinations that have a delivery whose time has come: one look at an index for each."""
    at = _moment_of(now)
    sql = (
        "SELECT id FROM destinations_destination WHERE EXISTS (SELECT 1 FROM destinations_delivery "  # noqa: S608  (only a constant is joined)
        f"WHERE destination_id = destinations_destination.id AND {DUE})"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, _plain_rows([(at, at)])[0])
        return [_uuid(row[0]) for row in cursor.fetchall()]


def claim_due(destination_id: uuid.UUID, now: float, *, until: float, limit: int) -> list[Job]:
    """Take up to `limit` of its deliveries that are due, ours until `until`; a killed worker's come back then.

    Those that have been due longest, in the order of the event log: what is tried again together makes the same object
    in a store as before, whatever order the database found it in. What was prepared before more was encrypted or held
    back there is never among them: it is prepared again.
    """
    at, lease = _moment_of(now), _moment_of(until)
    locked = " FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    sql = (
        "UPDATE destinations_delivery SET claimed_until = %s WHERE id IN ("  # noqa: S608  (only constants are joined)
        f"SELECT id FROM destinations_delivery WHERE destination_id = %s AND {DUE} "
        f"ORDER BY next_try_at LIMIT %s{locked}) RETURNING {JOB_COLUMNS}"
    )
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(sql, _plain_rows([(lease, destination_id, at, at, limit)])[0])
            rows = cursor.fetchall()
        jobs = sorted((job for row in rows if (job := _job(row)) is not None), key=lambda job: job.place)
        return _without_outdated(destination_id, jobs)


def _without_outdated(destination_id: uuid.UUID, jobs: list[Job]) -> list[Job]:
    """The jobs but for those that are outdated: these lose their bodies and are prepared again, their tries kept."""
    with connection.cursor() as cursor:
        sql = "SELECT protection FROM destinations_destination WHERE id = %s"
        cursor.execute(sql, _plain_rows([(destination_id,)])[0])
        today = cursor.fetchone()
    if today is None:
        return jobs
    outdated = [job for job in jobs if job.protection < today[0] and job.place[1] != NO_EVENT]
    sql = "UPDATE destinations_delivery SET status = 'queued', sealed_body = %s, claimed_until = NULL WHERE id = %s"
    _run(sql, [(b"", job.delivery_id) for job in outdated])
    return [job for job in jobs if job not in outdated] if outdated else jobs


def take_turn(destination_id: uuid.UUID, *, now: float, pace: float, ahead: float) -> float | None:
    """When a request may be sent to it that keeps `pace` seconds from every other worker's; no turn is given twice.

    None where that is more than `ahead` seconds away: nothing is taken then. A turn that lies further off than any
    could is one of a clock that was wrong.
    """
    sql = (
        "INSERT INTO destinations_turn (destination_id, free_at) "
        "SELECT id, %s FROM destinations_destination WHERE id = %s ON CONFLICT (destination_id) DO UPDATE "
        "SET free_at = %s + CASE WHEN destinations_turn.free_at BETWEEN %s AND %s THEN destinations_turn.free_at "
        "ELSE %s END WHERE NOT (destinations_turn.free_at BETWEEN %s AND %s) RETURNING free_at"
    )
    never = now + ahead + FURTHEST_TURN
    values = (now + pace, destination_id, pace, now, now + ahead, now, now + ahead, never)
    with connection.cursor() as cursor:
        cursor.execute(sql, _plain_rows([values])[0])
        row = cursor.fetchone()
    return row[0] - pace if row else None


def sealed_body(delivery_id: uuid.UUID, body: bytes) -> bytes:
    """A body as the ledger keeps it."""
    return seal(body, bound_to=b"delivery" + delivery_id.bytes)


def open_body(delivery_id: uuid.UUID, sealed: bytes) -> bytes:
    """The body again; raises SealError where it does not open."""
    return unseal(sealed, bound_to=b"delivery" + delivery_id.bytes)


def sealed_answer(delivery_id: uuid.UUID, answer: bytes | None) -> bytes:
    """An answer as the ledger keeps it; nothing for none."""
    return seal(answer, bound_to=b"answer" + delivery_id.bytes) if answer else b""


def open_answer(delivery_id: uuid.UUID, sealed: bytes) -> bytes:
    """The answer again, empty where none is kept; raises SealError where it does not open."""
    return unseal(sealed, bound_to=b"answer" + delivery_id.bytes) if sealed else b""


def _job(row: Sequence[Any]) -> Job | None:
    """None where the body does not open: it is tried again when the claim is over, and lost never."""
    delivery_id, workspace_id, destination_id = (_uuid(value) for value in row[:3])
    message_id, event_type, event, received, attempts, first, fingerprint, sealed, protection, *place, replay = row[3:]
    try:
        body = open_body(delivery_id, bytes(sealed))
    except SealError:
        logger.exception("the body of delivery %s does not open", delivery_id)
        return None
    return Job(
        destination_id=destination_id,
        workspace_id=workspace_id,
        message_id=message_id,
        event_type=event_type,
        event=event,
        received_at=_moment(received),
        body=body,
        key_fingerprint=fingerprint,
        protection=protection,
        place=(place[0], place[1], place[2]),
        attempts=attempts,
        first_tried=_moment(first).timestamp() if first else 0.0,
        delivery_id=delivery_id,
        replay_id=_uuid(replay) if replay else None,
    )


def _insert(table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        marks = ", ".join(["%s"] * len(columns))
        plain = _plain_columns(columns, rows) if connection.vendor == "sqlite" else rows
        with connection.cursor() as cursor:
            # S608: names from this module only.
            sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT (id) DO NOTHING"  # noqa: S608
            cursor.executemany(sql, plain)


def _settle(rows: Sequence[tuple[Any, ...]]) -> None:
    # What another worker has settled meanwhile, after our claim was over, stays settled.
    sql = (
        "UPDATE destinations_delivery SET status = %s, reason = coalesce(%s, reason), attempts = %s, "
        "first_tried_at = coalesce(first_tried_at, %s), next_try_at = %s, sealed_body = coalesce(%s, sealed_body), "
        "sealed_answer = coalesce(%s, sealed_answer), "
        "claimed_until = NULL WHERE id = %s AND status = 'waiting'"
    )
    _run(sql, sorted(rows, key=lambda row: row[-1]))  # in one order everywhere, as all rows here


def _gone(page: Page) -> set[uuid.UUID]:
    """Destinations that the page tells of and that are there no more."""
    named = {row[1] for row in page.attempts} | {row[2] for row in page.deliveries}
    named |= {key[0] for key in page.counts} | {key[0] for key in page.withheld}
    if not named:
        return set()
    marks = ", ".join(["%s"] * len(named))
    with connection.cursor() as cursor:
        # S608: only marks are joined.
        cursor.execute(f"SELECT id FROM destinations_destination WHERE id IN ({marks})", *_plain_rows([list(named)]))  # noqa: S608
        return named - {_uuid(row[0]) for row in cursor.fetchall()}


def _without(gone: set[uuid.UUID], rows: list[tuple[Any, ...]], column: int) -> list[tuple[Any, ...]]:
    return [row for row in rows if row[column] not in gone] if gone else rows


def _add_counts(counts: Mapping[CountKey, int]) -> None:
    sql = (
        "INSERT INTO destinations_deliverycount (destination_id, hour, event_type, outcome, count) "
        "VALUES (%s, %s, %s, %s, %s) ON CONFLICT (destination_id, hour, event_type, outcome) "
        "DO UPDATE SET count = destinations_deliverycount.count + excluded.count"
    )
    # In one order everywhere: two workers then never wait for each other's rows in a circle.
    _run(sql, [(*key, count) for key, count in sorted(name_counts.by_hour(counts).items())])
    name_counts.add(NAME_COUNTS, "destination", counts)


def _add_withheld(counts: Mapping[tuple[uuid.UUID, Hour], int]) -> None:
    sql = (
        "INSERT INTO destinations_withheldcount (destination_id, hour, count) VALUES (%s, %s, %s) "
        "ON CONFLICT (destination_id, hour) DO UPDATE SET count = destinations_withheldcount.count + excluded.count"
    )
    _run(sql, [(*key, count) for key, count in sorted(counts.items())])


def take_back(counts: Mapping[CountKey, int]) -> None:
    """Count these events no longer: they are on their way again. Called inside the caller's transaction."""
    sql = (
        "UPDATE destinations_deliverycount SET count = CASE WHEN count > %s THEN count - %s ELSE 0 END "
        "WHERE destination_id = %s AND hour = %s AND event_type = %s AND outcome = %s"
    )
    _run(sql, [(count, count, *key) for key, count in sorted(name_counts.by_hour(counts).items())])
    name_counts.add(NAME_COUNTS, "destination", {key: -count for key, count in counts.items()})


def _add_latencies(latencies: Mapping[LatencyKey, int]) -> None:
    sql = (
        "INSERT INTO destinations_deliverylatency (destination_id, hour, bucket, count) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (destination_id, hour, bucket) "
        "DO UPDATE SET count = destinations_deliverylatency.count + excluded.count"
    )
    _run(sql, [(*key, count) for key, count in sorted(latencies.items())])


def _add_encrypted(counts: Mapping[uuid.UUID, int]) -> None:
    sql = "UPDATE destinations_publickey SET encrypted_events = encrypted_events + %s WHERE id = %s"
    _run(sql, [(count, key_id) for key_id, count in sorted(counts.items())])


def _add_email_ids(counts: Mapping[uuid.UUID, tuple[int, datetime]]) -> None:
    sql = (
        "INSERT INTO destinations_emailuserids (source_id, count, last_seen) "
        "SELECT id, %s, %s FROM workspaces_source WHERE id = %s ON CONFLICT (source_id) DO UPDATE SET "
        "count = destinations_emailuserids.count + excluded.count, last_seen = CASE WHEN excluded.last_seen > "
        "destinations_emailuserids.last_seen THEN excluded.last_seen ELSE destinations_emailuserids.last_seen END"
    )
    _run(sql, [(count, latest, source_id) for source_id, (count, latest) in sorted(counts.items())])


def _run(sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(sql, _plain_rows(rows))


def _plain_columns(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """What `_plain_rows` does, for tables whose columns tell by their names what they hold: half the time a row."""
    ids = [n for n, name in enumerate(columns) if name == "id" or (name.endswith("_id") and name != "message_id")]
    moments = [n for n, name in enumerate(columns) if name.endswith(("_at", "_until"))]
    plain = [list(row) for row in rows]
    for row in plain:
        for n in ids:
            row[n] = row[n].hex
        for n in moments:
            if row[n] is not None:
                row[n] = _text_of(row[n])
    return plain


def _text_of(moment: datetime) -> str:
    """A moment in UTC as Django stores it in SQLite: naive."""
    return moment.isoformat(" ")[: -len("+00:00")]


def _plain_rows(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Values as the driver takes them: SQLite has neither UUIDs nor moments."""
    if connection.vendor == "postgresql":
        return [list(row) for row in rows]
    return [[_SQLITE[type(value)](value) if type(value) in _SQLITE else value for value in row] for row in rows]


_SQLITE: dict[type, Callable[[Any], str]] = {
    uuid.UUID: lambda value: value.hex,
    datetime: _text_of,
}


def storable(message_id: str) -> str:
    """A client's text as the database takes it: PostgreSQL has no NUL, UTF-8 no lone surrogates."""
    if message_id.isprintable():
        return message_id
    return message_id.replace("\0", "\ufffd").encode(errors="replace").decode()


def _moment_of(seconds: float | None) -> datetime | None:
    """Seconds since 1970 as a column's value; null for none."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _uuid(value: Any) -> uuid.UUID:
    return value if isinstance(value, uuid.UUID) else uuid.UUID(value)


def _moment(value: Any) -> datetime:
    """A column's value, aware: SQLite gives it naive, as text or converted."""
    found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
