"""How long the audit log is kept: six years at least (45 CFR 164.316(b)(2)(i)), longer by setting, for ever on hold.

No log is kept for less, whether its workspace is HIPAA eligible or not: one that becomes eligible has then kept what it
must have. The triggers know the six years and the hold as well (audit.append_only).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from audit.ids import lowest_id_at
from audit.models import AuditRetention, AuditRow

LEAST_YEARS, MOST_YEARS = 6, 25
# Rows go on a day after their time is over, so that neither leap days nor two clocks that differ make it shorter.
MARGIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """What holds for a log: whole calendar years, and whether a legal hold keeps everything."""

    years: int = LEAST_YEARS
    held: bool = False
    reason: str = ""
    set_by: str = ""
    since: datetime | None = None  # when that was set; None where nobody set anything


def kept(workspace_id: str) -> Kept:
    """What holds for a workspace's log. Rows of no workspace are kept as long as those of any, and held with any."""
    if not workspace_id:
        return _of_no_workspace()
    found = AuditRetention.objects.filter(workspace_id=workspace_id).order_by("-id").first()
    return _told(found) if found else Kept()


def in_force() -> QuerySet[AuditRetention]:
    """The newest setting of each workspace that has one."""
    newer = AuditRetention.objects.filter(workspace_id=OuterRef("workspace_id"), id__gt=OuterRef("id"))
    return AuditRetention.objects.filter(~Exists(newer))


def hold_since(workspace_id: str) -> AuditRetention | None:
    """The setting that placed the hold in force, or None: changes of the period since then do not count."""
    own = AuditRetention.objects.filter(workspace_id=workspace_id).order_by("-id")
    newest = own.first()
    if newest is None or not newest.held:
        return None
    before = own.filter(held__in=(False,)).first()
    return own.filter(id__gt=before.pk if before else 0).last()


def goes_at(written: datetime, years: int) -> datetime:
    """The first midnight (UTC) at which a row of that moment may go."""
    day = years_later(written.astimezone(UTC), years).replace(hour=0, minute=0, second=0, microsecond=0)
    while cutoff(years, day) <= written:
        day += timedelta(days=1)
    return day


def cutoff(years: int, now: datetime) -> datetime:
    """The moment before which rows may go: that many calendar years and a day before now, at midnight UTC."""
    day = (now.astimezone(UTC) - MARGIN).replace(hour=0, minute=0, second=0, microsecond=0)
    return years_later(day, -years)


def due(workspace_id: str, now: datetime, *, at_most: int = 1_000_000) -> int:
    """How many rows are past their time then, hold or not; no more than `at_most` are counted."""
    before = cutoff(kept(workspace_id).years, now)
    rows = AuditRow.objects.filter(workspace_id=workspace_id, id__lt=lowest_id_at(before), timestamp__lt=before)
    return rows.order_by()[:at_most].count()


def years_later(moment: datetime, years: int) -> datetime:
    """The same day of another year. From a 29th of February: the 1st of March after, the 28th before."""
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:
        return moment.replace(year=moment.year + years, day=28) + timedelta(days=1 if years > 0 else 0)


def _of_no_workspace() -> Kept:
    settings = list(in_force())
    return Kept(
        years=max((each.years for each in settings), default=LEAST_YEARS), held=any(each.held for each in settings)
    )


def _told(setting: AuditRetention) -> Kept:
    return Kept(setting.years, setting.held, setting.reason, setting.set_by, setting.set_at)
