"""What `portal.py` fills a database with: one workspace that has seen much, settings and matchers included."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

SOURCES = 8
EVENTS_EACH, HOURS_EACH = 4, 6
MATCHERS = 100  # the documented most; the last looks at values
MEMBERS = 40
REGULATIONS, SUPPRESSED = 20_000, 110_000
ALERTS_EACH = 2  # channels that were told of each field of the inbox
RETENTION_DAYS = 1_095
CHUNK = 20_000
# Which rule found a restricted field: origin, rule, how, term. Half of them are of one matcher.
FOUND = (
    ("default matcher", "identification", "word", "visit"),
    ("default matcher", "name", "exact", "name"),
    ("custom matcher", "matcher 000", "word", "reason"),
    ("custom matcher", "matcher 099", "pattern", "^follow"),
)


def fill(fields: int) -> Any:
    """A workspace with `fields` observed fields, half of them classified; its owner."""
    from tests.factories import SourceFactory, WorkspaceFactory, member

    draw = random.Random(7)
    workspace = WorkspaceFactory()
    owner = member(workspace, "olivia", "owner")
    for number in range(MEMBERS):
        member(workspace, f"member{number}", ("source_admin", "source_read_only")[number % 2])
    sources = [SourceFactory(workspace=workspace) for _ in range(SOURCES)]
    _rules(workspace, owner)
    entries = _inventory(workspace, owner, fields // 2, draw)
    _observe(workspace, sources, entries, fields, draw)
    _settings(workspace, owner, sources, fields)
    return owner


def _rules(workspace: Any, owner: Any) -> None:
    from privacy.models import CustomMatcher, RuleRevision

    for number in range(MATCHERS):
        on_values = number == MATCHERS - 1
        CustomMatcher.objects.create(
            workspace=workspace,
            name=f"matcher {number:03}",
            folded=f"matcher{number:03}",
            classification="yellow",
            matches_on="value" if on_values else "key",
            synonyms=["^follow", "[0-9]{9}"] if on_values else [f"term {number} {place}" for place in range(3)],
            created_by=owner,
        )
    RuleRevision.objects.create(pk=workspace.pk, revision=1, matchers=1)


def _inventory(workspace: Any, owner: Any, number: int, draw: random.Random) -> list[Any]:
    from privacy.models import ClassificationChange, InventoryField

    entries = [
        InventoryField(
            workspace=workspace,
            name=f"entry_{place:06}",
            folded=f"entry{place:06}",
            classification=draw.choice(("red", "yellow", "green")),
            classified_by=owner,
        )
        for place in range(number)
    ]
    InventoryField.objects.bulk_create(entries, batch_size=CHUNK)
    ClassificationChange.objects.bulk_create(
        (ClassificationChange(field=entry, after=entry.classification, changed_by=owner) for entry in entries),
        batch_size=CHUNK,
    )
    return entries


def _observe(workspace: Any, sources: list[Any], entries: list[Any], fields: int, draw: random.Random) -> None:
    from privacy.models import FieldEvent, FieldHour, ObservedField

    now = datetime.now(UTC)
    hour = now.replace(minute=0, second=0, microsecond=0)

    def rows() -> Iterator[Any]:
        for number in range(fields):
            entry = entries[number // 2] if number % 2 else None
            yield _field(workspace, number, entry, now, draw)

    for observed in chunks(rows()):
        ObservedField.objects.bulk_create(observed)
        FieldEvent.objects.bulk_create(
            FieldEvent(
                field=field,
                source=sources[(number + place) % SOURCES],
                event_type="track",
                event=f"Event {place}",
                first_seen=field.first_seen,
                last_seen=field.last_seen,
                count=draw.randrange(1, 500),
            )
            for number, field in enumerate(observed)
            for place in range(EVENTS_EACH)
        )
        FieldHour.objects.bulk_create(
            FieldHour(field=field, source=sources[number % SOURCES], hour=hour - timedelta(hours=place * 4), count=3)
            for number, field in enumerate(observed)
            for place in range(HOURS_EACH)
        )


def _field(workspace: Any, number: int, entry: Any, now: datetime, draw: random.Random) -> Any:
    """One field with a sealed sample as large as events are."""
    import orjson

    from audit.ids import new_id
    from privacy.models import ObservedField
    from tests.benchmarks.common import event
    from workspaces.sealing import seal

    name = entry.name if entry else f"patient.visit_{number:06}.reason"
    recommended = draw.choice(("red", "yellow", "green", "green"))
    origin, rule, how, term = FOUND[number // 2 % 4] if recommended != "green" else ("", "", "", "")
    held = {name: "follow-up"} if entry else {"patient": {f"visit_{number:06}": {"reason": "examination"}}}
    row_id, seen = new_id(), now - timedelta(minutes=draw.randrange(10_000))
    return ObservedField(
        id=row_id,
        workspace=workspace,
        name=name,
        folded_name=name.replace("_", ""),
        folded_key=name.rpartition(".")[2].replace("_", ""),
        first_seen=now - timedelta(minutes=draw.randrange(20_000)),
        last_seen=seen,
        in_inventory=entry is not None,
        entry=entry,
        recommended=recommended,
        origin=origin,
        rule=rule,
        how=how,
        term=term,
        revision=1,
        sealed_sample=seal(orjson.dumps({**event(number), "properties": held}), bound_to=row_id.bytes),
        sample_at=seen,
    )


def _settings(workspace: Any, owner: Any, sources: list[Any], fields: int) -> None:
    """Alerts that were sent, values that were blocked, requests about end users, what retention removed."""
    from privacy.models import AlertMessage, AlertSettings, BlockedCount, RetentionRun, StandardControl

    now = datetime.now(UTC)
    hour = now.replace(minute=0, second=0, microsecond=0)
    AlertSettings.objects.create(pk=workspace.pk, slack=True, segment=True, segment_source=sources[0])
    told = (
        AlertMessage(
            workspace=workspace,
            channel=channel,
            field_name=f"patient.visit_{number:06}.reason",
            recommended="yellow",
            status="sent",
            created_at=now - timedelta(seconds=number),
            next_try_at=None,
        )
        for number in range(0, fields, 2)
        for channel in ("slack", "segment")[:ALERTS_EACH]
    )
    AlertMessage.objects.bulk_create(told, batch_size=CHUNK)
    for source in sources[::2]:
        StandardControl.objects.create(source=source, set_by=owner)
        BlockedCount.objects.bulk_create(
            BlockedCount(source=source, hour=hour - timedelta(hours=back), field=f"entry_{number:06}", count=7)
            for back in range(24 * 7)
            for number in range(20)
        )
    RetentionRun.objects.bulk_create(
        RetentionRun(workspace=workspace, day=(now - timedelta(days=back)).date(), days_kept=365, entries=back)
        for back in range(RETENTION_DAYS)
    )
    _end_users(workspace, owner, now)


def _end_users(workspace: Any, owner: Any, now: datetime) -> None:
    from audit.ids import new_id
    from privacy.models import Regulation, RegulationStep
    from privacy.subjects import subject_digest
    from privacy.suppression import sealed_user_id, suppress

    ids = [f"patient-{number:06}" for number in range(SUPPRESSED)]
    users = {subject_digest(workspace.pk, user_id): user_id for user_id in ids}
    suppress(workspace.pk, users, Regulation.Type.SUPPRESS_ONLY)
    upload = new_id()
    asked = [
        Regulation(
            id=row_id,
            workspace=workspace,
            type="SUPPRESS_WITH_DELETE",
            status="FINISHED" if number % 4 else "INITIALIZED",
            subject=subject_digest(workspace.pk, user_id),
            sealed_user_id=sealed_user_id(row_id, user_id),
            requested_by=owner,
            requested_at=now - timedelta(minutes=number),
            upload=upload if number % 2 else None,
        )
        for number, (row_id, user_id) in enumerate((new_id(), user_id) for user_id in ids[:REGULATIONS])
    ]
    Regulation.objects.bulk_create(asked, batch_size=CHUNK)
    RegulationStep.objects.bulk_create(
        (
            RegulationStep(regulation=row, place=place, status="FINISHED", removed=3)
            for row in asked
            for place in ("event log", "samples", "dead letters")
        ),
        batch_size=CHUNK,
    )


def chunks(rows: Iterator[Any]) -> Iterator[list[Any]]:
    """Lists of `CHUNK` rows."""
    held: list[Any] = []
    for row in rows:
        held.append(row)
        if len(held) == CHUNK:
            yield held
            held = []
    if held:
        yield held
