"""Writing what scans showed, in the worker's own transaction: two workers that saw the same field add up."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from audit.ids import new_id
from privacy.locking import lock_in_order
from privacy.matchers import folded
from privacy.models import InventoryField, ObservedField
from privacy.rulebooks import entries_of
from privacy.rules.book import Decision, last_key
from privacy.scanning.counts import add_counts
from privacy.scanning.scan import Seen, Sightings, Where
from privacy.scanning.shape import Field
from privacy.subjects import subject_digest
from workspaces.models import Source
from workspaces.sealing import seal

MOST_FIELDS = 200_000  # rows of one workspace: keys made of ids would otherwise fill the disk
LAST_SEEN_STEP = timedelta(seconds=30)  # how far a field's `last_seen` may lag
REMEMBERED = timedelta(days=1)  # since a row was last seen: retention may take what nobody saw for longer
# Less than that, so that there is a sample at hand for a row that turns out to be gone.
SAMPLED_SECONDS = REMEMBERED.total_seconds() / 2
CHUNK = 500

# Shared by workers. Whoever classifies takes the row for themselves: either waits for new fields or goes first.
LOCK_WORKSPACE = "SELECT 1 FROM workspaces_workspace WHERE id = %s FOR KEY SHARE"


class Stored(NamedTuple):
    """What this process knows of a field's row."""

    pk: uuid.UUID
    last_seen: datetime
    by_value: bool
    sampled: bool


def write(sightings: Sightings) -> list[ObservedField]:
    """Write everything, in the caller's transaction; the fields that are new to their workspace."""
    known = set(
        Source.objects.filter(pk__in={where.source_id for where in sightings.seen}).values_list("pk", flat=True)
    )
    seen = {where: each for where, each in sightings.seen.items() if where.source_id in known}
    new: list[ObservedField] = []
    rows: dict[Field, Stored] = {}
    for workspace_id, span in sorted(_spans(seen).items()):
        new += _store_fields(workspace_id, span, sightings, rows)
    add_counts(seen, {field: row.pk for field, row in rows.items()})
    transaction.on_commit(partial(_remember, rows))
    return new


Span = dict[Field, tuple[datetime, datetime]]


def _spans(seen: Mapping[Where, Seen]) -> dict[uuid.UUID, Span]:
    """For each workspace its fields with the first and the last time they were seen."""
    spans: defaultdict[uuid.UUID, Span] = defaultdict(dict)
    for where, each in seen.items():
        span = spans[where.workspace_id]
        for field in each.counts:
            first, last = span.get(field, (each.first, each.last))
            span[field] = (min(first, each.first), max(last, each.last))
    return spans


def _store_fields(
    workspace_id: uuid.UUID, span: Span, sightings: Sightings, rows: dict[Field, Stored]
) -> list[ObservedField]:
    """Find or make the row of each field; sets `rows`, gives the new ones."""
    rows.update({field: field.stored for field in span if _is_known(field)})
    unknown = [field for field in span if field not in rows]
    found = _rows_of(workspace_id, {field.name for field in unknown})
    new = _insert(workspace_id, [field for field in unknown if field.name not in found], span, sightings)
    if new:
        found = _rows_of(workspace_id, {field.name for field in unknown})
    made = {row.pk for row in new}
    older = {field: row for field in unknown if (row := found.get(field.name)) is not None and row.pk not in made}
    rows.update({field: _stored(found[field.name]) for field in unknown if field.name in found})
    moved = [field for field in span if field in rows and _is_behind(field, rows[field], span[field][1])]
    stale = [field for field, row in older.items() if _is_stale(row, field, sightings)]
    # Other workers change the same rows: all of them are taken before any is changed, in one order.
    lock_in_order(ObservedField, {rows[field].pk for field in (*stale, *moved)})
    entries = entries_of(workspace_id, [older[field].name for field in stale])
    for field in stale:
        _refresh(older[field], field, sightings, entries.get(older[field].name))
        rows[field] = _stored(older[field])
    _move_last_seen(moved, span, rows)
    return [row for row in new if found[row.name].pk == row.pk]


def _stored(row: ObservedField) -> Stored:
    return Stored(row.pk, row.last_seen, row.by_value, sampled=row.sample_source_id is not None)


def _is_known(field: Field) -> bool:
    """Whether its row can be taken for granted: fields that nobody saw for long may be gone."""
    return field.stored is not None and timezone.now() - field.stored.last_seen < REMEMBERED


def _is_behind(field: Field, row: Stored, last: datetime) -> bool:
    """Whether the row lags behind what was seen, in time or in what a value gave away."""
    return last - row.last_seen >= LAST_SEEN_STEP or _is_news(field, row)


def _is_news(field: Field, row: Stored) -> bool:
    return field.by_name is None and field.by_value is not None and not row.by_value


def _is_stale(row: ObservedField, field: Field, sightings: Sightings) -> bool:
    """Whether an older row lacks what is known now: later rules, or a sample that there is one for."""
    by_value = field.by_name is None and field.by_value is not None
    if row.revision < sightings.revisions.get(row.workspace_id, 0) or (by_value and not row.by_value):
        return True
    return row.sample_source_id is None and field in sightings.samples


def _rows_of(workspace_id: uuid.UUID, names: Iterable[str]) -> dict[str, ObservedField]:
    found: dict[str, ObservedField] = {}
    wanted = sorted(names)
    for start in range(0, len(wanted), CHUNK):
        some = ObservedField.objects.filter(workspace_id=workspace_id, name__in=wanted[start : start + CHUNK])
        found.update({row.name: row for row in some.defer("sealed_sample")})
    return found


def _insert(workspace_id: uuid.UUID, fields: list[Field], span: Span, sightings: Sightings) -> list[ObservedField]:
    """Rows for fields without one. Another worker may have made some since: those stay as they are.

    What is being classified meanwhile must not stay in the inbox: hence the lock.
    """
    if not fields:
        return []
    if connection.features.has_select_for_update:  # SQLite lets one write at a time anyway
        with connection.cursor() as cursor:
            cursor.execute(LOCK_WORKSPACE, [workspace_id])
    room = MOST_FIELDS - ObservedField.objects.filter(workspace_id=workspace_id).count()
    named = {field.name: field for field in fields}  # long names meet in their first 200 characters
    fields = sorted(named.values(), key=lambda field: field.name)[: max(room, 0)]
    entries = entries_of(workspace_id, [field.name for field in fields])
    rows = [_new_row(workspace_id, field, span[field], sightings, entries.get(field.name)) for field in fields]
    ObservedField.objects.bulk_create(rows, ignore_conflicts=True, batch_size=CHUNK)
    return rows


def _new_row(
    workspace_id: uuid.UUID,
    field: Field,
    span: tuple[datetime, datetime],
    sightings: Sightings,
    entry: InventoryField | None,
) -> ObservedField:
    row = ObservedField(
        id=new_id(),
        workspace_id=workspace_id,
        name=field.name,
        first_seen=span[0],
        last_seen=span[1],
        folded_name=folded(field.name),
        folded_key=folded(last_key(field.name)),
        in_inventory=entry is not None,
        entry=entry,
        revision=sightings.revisions.get(workspace_id, 0),
    )
    set_recommendation(row, field.decision, by_value=field.by_name is None and field.by_value is not None)
    _set_sample(row, field, sightings)
    return row


def set_recommendation(row: ObservedField, decision: Decision | None, *, by_value: bool) -> None:
    """Put the rules' word into the row; where they have none the field is recommended green (documented)."""
    row.recommended = decision.classification if decision else "green"
    row.origin = decision.origin.value if decision else ""
    row.rule = decision.rule if decision else ""
    row.how = decision.how.value if decision else ""
    row.term = decision.term if decision else ""
    row.score = decision.score if decision else 0.0
    row.by_value = by_value


RECOMMENDATION = ("recommended", "origin", "rule", "how", "term", "score", "by_value")
SAMPLE = ("sealed_sample", "sample_source", "sample_subject", "sample_at")


def _set_sample(row: ObservedField, field: Field, sightings: Sightings) -> bool:
    sample = sightings.samples.get(field)
    if sample is None:
        return False
    source_id, user_id, event = sample
    row.sealed_sample = seal(event, bound_to=row.pk.bytes)
    row.sample_source_id = source_id
    row.sample_at = timezone.now()
    row.sample_subject = subject_digest(row.workspace_id, user_id) if user_id else b""
    return True


def _refresh(row: ObservedField, field: Field, sightings: Sightings, entry: InventoryField | None) -> None:
    """Bring an older row up to date with the rules it was seen under, and give it a sample if it lost its own."""
    changed: tuple[str, ...] = ()
    revision = sightings.revisions.get(row.workspace_id, 0)
    by_value = field.by_name is None and field.by_value is not None
    if row.revision < revision or (by_value and not row.by_value):
        if field.by_name is not None or by_value or not row.by_value:
            set_recommendation(row, field.decision, by_value=by_value)
        row.revision = revision
        row.entry = entry
        row.in_inventory = entry is not None
        changed += (*RECOMMENDATION, "revision", "entry", "in_inventory")
    if row.sample_source_id is None and _set_sample(row, field, sightings):
        changed += SAMPLE
    if changed:
        row.save(update_fields=list(changed))


def _move_last_seen(moved: Iterable[Field], span: Span, rows: dict[Field, Stored]) -> None:
    """Move `last_seen`, and what a value gave away since."""
    for field in moved:
        row, last = rows[field], span[field][1]
        if last - row.last_seen >= LAST_SEEN_STEP:
            ObservedField.objects.filter(pk=row.pk, last_seen__lt=last).update(last_seen=last)
            rows[field] = row._replace(last_seen=last)
        if _is_news(field, row):
            changed = ObservedField(pk=row.pk)
            set_recommendation(changed, field.by_value, by_value=True)
            facts = {name: getattr(changed, name) for name in RECOMMENDATION}
            ObservedField.objects.filter(pk=row.pk).update(**facts)
            rows[field] = rows[field]._replace(by_value=True)


def _remember(rows: Mapping[Field, Stored]) -> None:
    """Once it is committed: before, another worker could not see these rows, and a rollback would take them away.

    A row without a sample is not remembered: the next event that holds the field is kept as one.
    """
    for field, row in rows.items():
        field.stored = row if row.sampled else None
        field.sampled_until = row.last_seen.timestamp() + SAMPLED_SECONDS if row.sampled else 0.0
