"""The Detection page: both kinds of matchers as rows, and the fields each of them found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.text import slugify

from audit.event_types import EventType
from audit.record import record
from privacy.inbox import WINDOW
from privacy.matchers import DEFAULT_MATCHERS, Matcher, fold
from privacy.models import CustomMatcher, ObservedField
from privacy.rules.book import Origin, Probe, Rule
from privacy.rules.reasons import sentence
from privacy.rules.vocabulary import PHRASES
from privacy.samples import sampled_values
from workspaces.access import Right, require_right
from workspaces.models import User, Workspace

MOST_TRIED = 2_000  # fields that a matcher is tried on while it is being written
MOST_SAMPLES = 500  # fields whose sample is opened for that

BY_SLUG = {slugify(matcher.name): matcher for matcher in DEFAULT_MATCHERS}


@dataclass(frozen=True, slots=True)
class DefaultRow:
    """A default matcher in the table. `overridden`: a custom one of its name stands in for it."""

    matcher: Matcher
    slug: str
    overridden: bool

    @property
    def phrases(self) -> tuple[str, ...]:
        """What else stands for it within a key."""
        return PHRASES.get(self.matcher.name, ())


@dataclass(frozen=True, slots=True)
class Matchers:
    """What the page shows: rows that hold the searched text in their name or terms."""

    custom: list[CustomMatcher]
    default: list[DefaultRow]
    any_custom: bool


def matchers_of(workspace: Workspace, text: str, *, actor: User) -> Matchers:
    """The workspace's matchers by name. One query for them; raises as `require_right` does."""
    require_right(actor, workspace, Right.CLASSIFY_FIELDS)
    custom = list(workspace.matchers.select_related("created_by").order_by("name"))
    names = {matcher.folded for matcher in custom}
    return Matchers(
        [matcher for matcher in custom if _holds(matcher.name, matcher.synonyms, text)],
        [row for row in default_rows(names) if _holds(row.matcher.name, row.matcher.synonyms, text)],
        bool(custom),
    )


def default_rows(custom_names: set[str]) -> list[DefaultRow]:
    """Every default matcher by name; `custom_names` are folded."""
    rows = [DefaultRow(matcher, slug, fold(matcher.name) in custom_names) for slug, matcher in BY_SLUG.items()]
    return sorted(rows, key=lambda row: row.matcher.name)


def _holds(name: str, terms: Sequence[str], text: str) -> bool:
    return any(text.lower() in each.lower() or fold(text) in fold(each) for each in (name, *terms))


def found_by(workspace: Workspace, name: str, *, custom: bool) -> QuerySet[ObservedField]:
    """The fields of the last seven days that the matcher is the reason for, those seen last first, without samples."""
    origins = [Origin.CUSTOM.value] if custom else [Origin.DEFAULT.value, Origin.CHECK.value]
    since = timezone.now() - WINDOW
    rows = ObservedField.objects.filter(workspace=workspace, rule=name, last_seen__gte=since, origin__in=origins)
    return rows.defer("sealed_sample").order_by("-last_seen", "name")


def reason(field: ObservedField) -> str:
    """How the field was found, in a sentence."""
    return sentence(field.how, field.term, field.score)


@dataclass(frozen=True, slots=True)
class Preview:
    """What an unsaved matcher would hit among the fields of the last seven days, those seen last first.

    `tried`: on so many fields; `of_samples`: on the values in the one event that is kept of each of them. `is_all`: no
    field of the seven days was left out.
    """

    total: int
    names: list[str]
    tried: int
    is_all: bool
    of_samples: bool = False


def preview(workspace: Workspace, rule: Rule, *, shown: int = 10) -> Preview:
    """Try a matcher on keys on at most `MOST_TRIED` field names."""
    names = list(_seen_lately(workspace).values_list("name", flat=True)[: MOST_TRIED + 1])
    probe = Probe(rule)
    hits = [name for name in names[:MOST_TRIED] if probe.ask(name)]
    return Preview(len(hits), hits[:shown], min(len(names), MOST_TRIED), len(names) <= MOST_TRIED)


@transaction.atomic
def try_on_samples(workspace: Workspace, rule: Rule, *, actor: User, shown: int = 10) -> Preview:
    """Try a matcher on values on the samples of at most `MOST_SAMPLES` fields, opened here and shown to nobody.

    For people with PII Access, as a hit tells what a value is; recorded, without the patterns.
    """
    require_right(actor, workspace, Right.CLASSIFY_FIELDS)
    require_right(actor, workspace, Right.SEE_PII)
    rows = list(_seen_lately(workspace).only("name", "sealed_sample")[: MOST_SAMPLES + 1])
    sampled = [row for row in rows[:MOST_SAMPLES] if row.sealed_sample]
    details = {"matcher": rule.name, "fields": len(sampled)}
    record(EventType.MATCHER_TRIED, actor=actor, workspace_id=workspace.pk, subject=workspace, details=details)
    probe = Probe(rule)
    hits = [row.name for row in sampled if any(probe.ask("", value) for value in sampled_values(row))]
    is_all = len(sampled) == len(rows)
    return Preview(len(hits), hits[:shown], len(sampled), is_all, of_samples=True)


def _seen_lately(workspace: Workspace) -> QuerySet[ObservedField]:
    since = timezone.now() - WINDOW
    return ObservedField.objects.filter(workspace=workspace, last_seen__gte=since).order_by("-last_seen")
