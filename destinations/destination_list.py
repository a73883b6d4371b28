"""My Destinations: which rows, in what order. The question stands in the page's address."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Case, F, QuerySet, Value, When
from django.db.models.functions import Lower
from django.http import QueryDict

from destinations.catalog.registry import catalog_entries
from destinations.models import Destination
from workspaces.access import Right, require_right
from workspaces.models import User, Workspace

PAGE_SIZE = 50
COLUMNS = {
    "name": "Name",
    "status": "Status",
    "category": "Category",
    "created": "Created At",
    "source": "Sources",
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
        """From `?q=labs&sort=-created`; what is not understood falls back to all, by name."""
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

    def page_url(self, number: int) -> str:
        """The address of one page of the answer."""
        return f"?{self.query}&page={number}"

    def _url_sorted_by(self, column: str) -> str:
        descending = column == self.column and not self.descending
        return f"?{Question(self.text, column, descending).query}"

    def _state(self, column: str) -> str:
        if column != self.column:
            return ""
        return "descending" if self.descending else "ascending"


def find(workspace: Workspace, asked: Question, *, actor: User) -> QuerySet[Destination]:
    """The destinations asked for, each with its `category` and its source at hand; settings stay unread."""
    require_right(actor, workspace, Right.VIEW_DESTINATIONS)
    kinds = [When(kind=entry.slug, then=Value(entry.category)) for entry in catalog_entries()]
    rows = workspace.destinations.filter(name__icontains=asked.text).annotate(
        category=Case(*kinds, default=Value("Other"))
    )
    key = {
        "name": Lower("name"),
        "status": F("enabled"),
        "category": F("category"),
        "created": F("created_at"),
        "source": Lower("source__name"),
    }[asked.column]
    order = "-place" if asked.descending else "place"
    return rows.annotate(place=key).order_by(order, "id").select_related("source").defer("sealed_settings")
