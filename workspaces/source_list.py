"""My Sources: which rows, in what order. The question stands in the page's address."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.core.paginator import Page
from django.db.models import Case, Count, F, QuerySet, Value, When
from django.db.models.functions import Lower
from django.http import QueryDict

from workspaces import catalog
from workspaces.models import Source, Workspace

PAGE_SIZE = 50
COLUMNS = {
    "name": "Name",
    "status": "Status",
    "category": "Category",
    "destinations": "Destinations",
    "created": "Created At",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One head of the table: where a click leads, and how the table is sorted by it now (`aria-sort`)."""

    label: str
    url: str
    sorted: str  # ascending, descending or empty


@dataclass(frozen=True, slots=True)
class Question:
    """What to show: names that contain `text`, sorted by `column`."""

    text: str = ""
    column: str = "name"
    descending: bool = False

    @classmethod
    def read(cls, query: QueryDict) -> Question:
        """From `?q=portal&sort=-created`; what is not understood falls back to all, by name."""
        sort = query.get("sort", "")
        column = sort.removeprefix("-")
        if column not in COLUMNS:
            column, sort = "name", ""
        return cls(query.get("q", "").strip(), column, sort.startswith("-"))

    @property
    def columns(self) -> list[Column]:
        """The table's heads."""
        return [Column(label, self._url_sorted_by(name), self._state(name)) for name, label in COLUMNS.items()]

    @property
    def query(self) -> str:
        """The question as a query string, without the page."""
        return urlencode({"q": self.text, "sort": f"{'-' if self.descending else ''}{self.column}"})

    def _url_sorted_by(self, column: str) -> str:
        descending = column == self.column and not self.descending
        return f"?{Question(self.text, column, descending).query}"

    def _state(self, column: str) -> str:
        if column != self.column:
            return ""
        return "descending" if self.descending else "ascending"


@dataclass(frozen=True, slots=True)
class Links:
    """What stands below the table: "51-100 of 230" and the addresses of the neighbouring pages (empty where none)."""

    shown: str
    previous_url: str
    next_url: str


def links(page: Page[Source], asked: Question) -> Links | None:
    """The links of a page; None where there is only one."""
    if not page.has_other_pages():
        return None
    shown = f"{page.start_index()}-{page.end_index()} of {page.paginator.count}"
    before = f"?{asked.query}&page={page.number - 1}" if page.has_previous() else ""
    after = f"?{asked.query}&page={page.number + 1}" if page.has_next() else ""
    return Links(shown, before, after)


_SORT = {
    "name": Lower("name"),
    "status": F("enabled"),
    "category": F("category"),
    "destinations": F("number"),
    "created": F("created_at"),
}


def find(workspace: Workspace, asked: Question) -> QuerySet[Source]:
    """The sources asked for, each with its destinations at hand."""
    categories = [When(kind=kind.slug, then=Value(kind.category)) for kind in catalog.KINDS]
    rows = workspace.sources.filter(name__icontains=asked.text)
    rows = rows.annotate(category=Case(*categories, default=Value("Other")), number=Count("destinations"))
    place = _SORT[asked.column]
    return (
        rows.annotate(place=place)
        .order_by(f"{'-' if asked.descending else ''}place", "id")
        .prefetch_related("destinations")
    )
