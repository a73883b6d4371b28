"""One entry of the inventory in detail: how often and where its fields were seen, and who may see their values."""

from __future__ import annotations

import enum
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Min, Sum
from django.utils import timezone

from privacy.models import FieldEvent, FieldHour, InventoryField, ObservedField
from workspaces.access import Insider, Right, everyone
from workspaces.models import Membership, Source

MOST_ROWS = 100
MOST_SEEN = 5_000  # observed fields of one entry, in each of their sources, that are looked at


class Period(enum.Enum):
    """How far back the overview looks, in its own words."""

    DAY = "24 hours"
    WEEK = "7 days"
    MONTH = "30 days"

    @property
    def step(self) -> timedelta:
        """What one bar stands for."""
        return timedelta(hours=1) if self is Period.DAY else timedelta(days=1)

    @property
    def bars(self) -> int:
        """How many bars."""
        return {Period.DAY: 24, Period.WEEK: 7, Period.MONTH: 30}[self]

    @classmethod
    def read(cls, text: str) -> Period:
        """From a page's address; the day where it says nothing known."""
        return next((period for period in cls if period.name.lower() == text), cls.DAY)


@dataclass(frozen=True, slots=True)
class BySource:
    """One source's part: how often the field was seen in each bar's time."""

    source: Source
    counts: list[int]

    @property
    def total(self) -> int:
        """In the whole period."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Counts by source over a period. `starts` are the beginnings of the bars, UTC."""

    starts: list[datetime]
    sources: list[BySource]

    @property
    def total(self) -> int:
        """Of all sources."""
        return sum(each.total for each in self.sources)


def breakdown(entry: InventoryField, period: Period) -> Breakdown:
    """In how many events of each source the entry's fields stood, up to and with the running hour or day."""
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    last = now if period is Period.DAY else now.replace(hour=0)
    starts = [last - period.step * back for back in range(period.bars - 1, -1, -1)]
    rows = FieldHour.objects.filter(field__entry=entry, hour__gte=starts[0]).order_by()
    told = rows.values_list("source", "hour").annotate(n=Sum("count"))
    counts: defaultdict[uuid.UUID, list[int]] = defaultdict(lambda: [0] * period.bars)
    for source_id, hour, number in told:
        counts[source_id][min((hour - starts[0]) // period.step, period.bars - 1)] += number
    sources = Source.objects.in_bulk(list(counts))
    found = [BySource(source, counts[pk]) for pk, source in sources.items()]
    return Breakdown(starts, sorted(found, key=lambda each: (-each.total, each.source.name)))


def events_of(entry: InventoryField) -> list[FieldEvent]:
    """Where the entry's fields were seen, the latest first, with field and source; at most `MOST_ROWS`."""
    rows = FieldEvent.objects.filter(field__entry=entry).select_related("source", "field")
    return list(rows.defer("field__sealed_sample").order_by("-last_seen", "pk")[:MOST_ROWS])


def seen_as(entry: InventoryField) -> tuple[list[str], frozenset[uuid.UUID]]:
    """The fields the entry speaks for, as they stand in events, and the sources that sent any of them."""
    seen = FieldEvent.objects.filter(field__entry=entry).order_by().values_list("field__name", "source").distinct()
    told = list(seen[:MOST_SEEN])
    return sorted({name for name, _ in told}), frozenset(source for _, source in told)


def sources_that_carry(entry: InventoryField) -> list[Source]:
    """Every source that sent a field the entry speaks for, by name."""
    seen = FieldEvent.objects.filter(field__entry=entry).order_by().values("source").distinct()
    return list(Source.objects.filter(pk__in=seen).order_by("name"))


def span(entry: InventoryField) -> tuple[datetime | None, datetime | None]:
    """When the entry's fields were first and last seen; None where they never were."""
    told = ObservedField.objects.filter(entry=entry).aggregate(first=Min("first_seen"), last=Max("last_seen"))
    return told["first"], told["last"]


@dataclass(frozen=True, slots=True)
class Viewer:
    """A member who may open sources that carry the field; `unmasked` with PII Access."""

    membership: Membership
    roles: str
    unmasked: bool
    sources: list[Source]
    all_sources: bool


def viewers(entry: InventoryField, carrying: Iterable[Source]) -> list[Viewer]:
    """Who can see the field, from the table of rights: those who see values first, then by address."""
    sources = list(carrying)
    found = [_viewer(insider, sources) for insider in everyone(entry.workspace)]
    kept = [viewer for viewer in found if viewer.sources or viewer.all_sources]
    return sorted(kept, key=lambda viewer: (not viewer.unmasked, viewer.membership.user.email))


def _viewer(insider: Insider, sources: list[Source]) -> Viewer:
    membership, roles, access = insider
    seen = [source for source in sources if access.may(Right.VIEW_SOURCES, source.pk)]
    named = ", ".join(role.label for role in roles)
    return Viewer(membership, named, access.may(Right.SEE_PII), seen, Right.VIEW_SOURCES in access.everywhere)
