"""Where the retention of a log stands: what holds, what went, what goes next. For the page that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from audit.event_types import EventType
from audit.models import AuditLeaf, AuditPurgeRun, AuditRetention, AuditRow, AuditTombstone
from audit.proof.checkpoints import text_of
from audit.proof.verifier import read_tombstone
from audit.retention import Kept, due, goes_at, hold_since, kept

SHOWN = 24
SOON = timedelta(days=30)
COUNTED = 10_000  # more than that is told as "more than"


@dataclass(frozen=True, slots=True)
class Stone:
    """A tombstone as people read it. Places are counted from 0, as everywhere a row's number is told."""

    made_at: datetime
    count: int
    first: int
    last: int
    earliest: datetime
    latest: datetime
    note: str


@dataclass(frozen=True, slots=True)
class Standing:
    """`due` and `soon` are rows past their time now and in 30 days, counted no further than COUNTED."""

    rules: Kept
    hold: AuditRetention | None  # the setting that placed the hold in force
    oldest: datetime | None
    goes_at: datetime | None
    due: int
    soon: int
    counted: int
    last_run: AuditPurgeRun | None
    removed: int  # by the last run
    refusal: str  # why the last run removed nothing
    purged: int  # rows in all
    stones: list[Stone]

    @property
    def goes_next(self) -> bool:
        """Whether the oldest row is past its time."""
        return self.goes_at is not None and self.goes_at <= timezone.now()


def standing(workspace_id: str) -> Standing:
    """The state of one log, in a fixed number of queries."""
    rules, now = kept(workspace_id), timezone.now()
    oldest = _oldest(workspace_id)
    run = AuditPurgeRun.objects.order_by("-started_at").first()
    stones = list(AuditTombstone.objects.filter(workspace_id=workspace_id).order_by("-end")[:SHOWN])
    return Standing(
        rules=rules,
        hold=hold_since(workspace_id) if rules.held else None,
        oldest=oldest,
        goes_at=goes_at(oldest, rules.years) if oldest else None,
        due=due(workspace_id, now, at_most=COUNTED + 1),
        soon=due(workspace_id, now + SOON, at_most=COUNTED + 1),
        counted=COUNTED,
        last_run=run,
        removed=_removed_by(run, workspace_id),
        refusal=_refusal(run, workspace_id),
        purged=stones[0].end if stones else 0,
        stones=[_told(stone) for stone in stones],
    )


def _oldest(workspace_id: str) -> datetime | None:
    """When the first row that stands was written: found by its place, not looked for in every month."""
    stone = AuditTombstone.objects.filter(workspace_id=workspace_id).order_by("-end").values_list("end").first()
    leaf = AuditLeaf.objects.filter(workspace_id=workspace_id, index=stone[0] if stone else 0).first()
    return AuditRow.objects.filter(pk=leaf.row_id).values_list("timestamp", flat=True).first() if leaf else None


def _removed_by(run: AuditPurgeRun | None, workspace_id: str) -> int:
    if run is None:
        return 0
    own = AuditTombstone.objects.filter(workspace_id=workspace_id, made_at__gte=run.started_at)
    return sum(end - first for first, end in own.values_list("first", "end"))


def _refusal(run: AuditPurgeRun | None, workspace_id: str) -> str:
    if run is None:
        return ""
    failed = {"event_type": EventType.HIPAA_AUDIT_LOG_PURGED, "outcome": AuditRow.Outcome.FAILED}
    own = AuditRow.objects.filter(workspace_id=workspace_id, timestamp__gte=run.started_at, **failed)
    details = own.values_list("details", flat=True).first()
    return str(details["found"]) if details else ""


def _told(stone: AuditTombstone) -> Stone:
    told = read_tombstone(text_of(stone.note))
    earliest, latest = datetime.fromisoformat(told.earliest), datetime.fromisoformat(told.latest)
    return Stone(stone.made_at, stone.count, stone.first, stone.end - 1, earliest, latest, stone.note)
