"""Lists that are searched, sorted and shown in pages: the question stands in the page's address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import QueryDict

PAGE_SIZE = 50

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Column:
    """One head of the table: where a click leads, and how the table is sorted by it now (`aria-sort`)."""

    label: str
    url: str
    sorted: str  # ascending, descending or empty


@dataclass(frozen=True, slots=True)
class Question:
    """What to show: rows whose name contains `text`, sorted by `column`.

    `labels` are the columns and their heads, the default first.
    """

    labels: Mapping[str, str]
    text: str
    column: str
    descending: bool = False

    @classmethod
    def read(cls, query: QueryDict, labels: Mapping[str, str]) -> Question:
        """From `?q=portal&sort=-created`; what is not understood falls back to all, by the first column."""
        sort = query.get("sort", "")
        column = sort.removeprefix("-")
        if column not in labels:
            column, sort = next(iter(labels)), ""
        return cls(labels, search_text(query), column, sort.startswith("-"))

    @property
    def columns(self) -> list[Column]:
        """The table's heads."""
        return [Column(label, self._url_sorted_by(name), self._state(name)) for name, label in self.labels.items()]

    @property
    def query(self) -> str:
        """The question as a query string, without the page."""
        return urlencode({"q": self.text, "sort": f"{'-' if self.descending else ''}{self.column}"})

    def in_order(self, rows: QuerySet[Row], keys: Mapping[str, Any]) -> QuerySet[Row]:
        """The rows sorted by the key, an expression, of the chosen column."""
        return cast("QuerySet[Row]", rows.annotate(place=keys[self.column])).order_by(
            "-place" if self.descending else "place", "id"
        )

    def _url_sorted_by(self, column: str) -> str:
        descending = column == self.column and not self.descending
        return f"?{Question(self.labels, self.text, column, descending).query}"

    def _state(self, column: str) -> str:
        if column != self.column:
            return ""
        return "descending" if self.descending else "ascending"


def search_text(query: QueryDict) -> str:
    """What was typed into the search box. PostgreSQL knows no NUL."""
    return query.get("q", "").replace("\x00", "").strip()


@dataclass(frozen=True, slots=True)
class Links:
    """What stands below the table: "51-100 of 230" and the addresses of the neighbouring pages (empty where none)."""

    shown: str
    previous_url: str
    next_url: str


class Asked(Protocol):
    """Any question of a list that can stand in an address."""

    @property
    def query(self) -> str:
        """The question as a query string, without the page."""


def page_of(rows: QuerySet[Row], query: QueryDict, *, count: int | None = None) -> Page[Any]:
    """The page that `?page=` asks for; the first or last where there is no such page. `count` if it is known."""
    paginator = Paginator(rows, PAGE_SIZE)
    if count is not None:
        paginator.__dict__["count"] = count  # a cached property
    return paginator.get_page(query.get("page"))


def links(page: Page[Any], asked: Asked) -> Links | None:
    """The links of a page; None where there is only one."""
    if not page.has_other_pages():
        return None
    shown = f"{page.start_index()}–{page.end_index()} of {page.paginator.count}"  # noqa: RUF001  (a dash between numbers)
    before = f"?{asked.query}&page={page.number - 1}" if page.has_previous() else ""
    after = f"?{asked.query}&page={page.number + 1}" if page.has_next() else ""
    return Links(shown, before, after)
