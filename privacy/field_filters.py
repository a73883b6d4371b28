"""What the inbox and the inventory are asked for: text, colours, sources, environments; all in the page's address."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import QueryDict

from privacy.models import Classification, FieldEvent
from workspaces.listing import search_text
from workspaces.models import SourceLabel, Workspace

ENVIRONMENT = "environment"  # the label's key (documented: labels Dev and Prod)
NO_ENVIRONMENT = "none"


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """A source that fields can be filtered by, with the value of its environment label (empty where it has none)."""

    id: uuid.UUID
    name: str
    kind: str
    slug: str
    environment: str


def source_choices(workspace: Workspace) -> list[SourceChoice]:
    """Every source of the workspace by name. One query."""
    labels = SourceLabel.objects.filter(source=OuterRef("pk"), key__iexact=ENVIRONMENT)
    sources = workspace.sources.annotate(environment=Subquery(labels.values("label__value")[:1])).order_by("name")
    told = sources.values_list("pk", "name", "kind", "slug", "environment")
    return [SourceChoice(pk, name, kind, slug, environment or "") for pk, name, kind, slug, environment in told]


@dataclass(frozen=True, slots=True)
class FieldFilter:
    """Fields whose name contains `text`, of these colours, sources and environments; empty stands for all."""

    text: str = ""
    colours: tuple[str, ...] = ()
    sources: tuple[uuid.UUID, ...] = ()
    environments: tuple[str, ...] = ()
    sort: str = ""

    @classmethod
    def read(cls, query: QueryDict) -> FieldFilter:
        """From `?q=mail&class=red&class=yellow&source=<id>&environment=Prod&sort=name`; what is unknown is left out."""
        colours = tuple(colour for colour in query.getlist("class") if colour in Classification.values)
        environments = tuple(dict.fromkeys(each.replace("\0", "")[:40] for each in query.getlist("environment")))
        sort = query.get("sort", "")
        return cls(
            search_text(query)[:200],
            tuple(dict.fromkeys(colours)),
            tuple(dict.fromkeys(_ids(query.getlist("source")))),
            environments,
            "name" if sort == "name" else "",
        )

    @property
    def query(self) -> str:
        """The same as a query string, without the page."""
        return urlencode(self.pairs)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Names and values as a form sends them."""
        asked = [("q", self.text)] if self.text else []
        return [*asked, *self.narrowing, *([("sort", self.sort)] if self.sort else [])]

    @property
    def narrowing(self) -> list[tuple[str, str]]:
        """The part of it that the popover sets."""
        return [
            *(("class", colour) for colour in self.colours),
            *(("source", str(source)) for source in self.sources),
            *(("environment", environment) for environment in self.environments),
        ]

    def source_ids(self, choices: Iterable[SourceChoice]) -> frozenset[uuid.UUID] | None:
        """The sources a field must have been seen in; None where any will do."""
        if not self.sources and not self.environments:
            return None
        wanted = {environment.casefold() for environment in self.environments}
        return frozenset(
            source.id
            for source in choices
            if (not self.sources or source.id in self.sources)
            and (not wanted or (source.environment.casefold() or NO_ENVIRONMENT) in wanted)
        )

    def told(self, choices: Iterable[SourceChoice]) -> list[str]:
        """What it narrows to, in words, for the bar above the list."""
        names = {source.id: source.name for source in choices}
        sources = [names[source] for source in self.sources if source in names]
        environments = [each if each != NO_ENVIRONMENT else "No Environment" for each in self.environments]
        return [*(colour.title() for colour in self.colours), *environments, *sources]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many fields of each colour, none left out: in all, and of what was asked for by name and source."""

    all: dict[str, int]
    matching: dict[str, int]

    @property
    def total(self) -> int:
        """Every field."""
        return sum(self.all.values())

    def shown(self, colours: Collection[str]) -> int:
        """The matching ones of these colours; of every colour where none is named."""
        return sum(number for colour, number in self.matching.items() if not colours or colour in colours)


def counted(rows: Iterable[tuple[str, int, int]]) -> Counts:
    """From a colour's value, number and matching number each."""
    found = {colour: (number, matching) for colour, number, matching in rows}
    everything = [(colour.value, *found.get(colour.value, (0, 0))) for colour in Classification]
    return Counts({colour: n for colour, n, _ in everything}, {colour: m for colour, _, m in everything})


def sightings(sources: Iterable[uuid.UUID]) -> QuerySet[FieldEvent]:
    """Where fields were ever seen in any of the sources. A moment beside it would lead SQLite to the wrong index."""
    return FieldEvent.objects.filter(source__in=list(sources)).order_by()


def _ids(texts: Iterable[str]) -> list[uuid.UUID]:
    found = []
    for text in texts:
        try:
            found.append(uuid.UUID(text))
        except ValueError:
            continue
    return found
