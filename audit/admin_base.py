"""The Django admin of a product with PHI behind it: each list, object and change leaves a row under one's own name.

Owners see what support staff saw of theirs: the row stands in the log of each workspace an object belongs to, and a
list's in that of each workspace it showed something of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property

from audit import context
from audit.event_types import EventType
from audit.middleware import audited
from audit.record import Person, record

M = TypeVar("M", bound=Model)
if TYPE_CHECKING:
    Base = admin.ModelAdmin[M]
    AnyPaginator = Paginator[Any]
else:
    AnyPaginator = Paginator

    class Base(admin.ModelAdmin, Generic[M]):
        """Django's own classes take no type parameter at run time."""


COUNTED_ROWS = 10_000


class CappedPaginator(AnyPaginator):
    """Counts no further than COUNTED_ROWS: a list of millions opens at once, and is narrowed by filters."""

    @cached_property
    def count(self) -> int:
        """Rows in the list, or COUNTED_ROWS where there are more."""
        return cast("QuerySet[Any]", self.object_list)[:COUNTED_ROWS].count()


class AuditedAdmin(Base[M]):
    """What every registered model's admin starts from. One row a request in each workspace it is about.

    A domain verb's own row stands for it.
    """

    actions: Sequence[str] | None = None
    view_on_site = False
    show_full_result_count = False

    @audited(EventType.ADMIN_LIST_VIEWED)
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list. Search words may be PHI: the row says only by what the list was narrowed."""
        details = {"list": self.opts.label, "narrowed_by": sorted(request.GET)}
        request.__dict__["audit_details"] = details
        response = super().changelist_view(request, extra_context)
        shown = (getattr(response, "context_data", None) or {}).get("cl")
        if shown is not None:
            request.__dict__["audit_workspace_ids"] = self.workspace_ids_of(list(shown.result_list))
        return response

    @audited(EventType.ADMIN_OBJECT_VIEWED)
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The empty form."""
        request.__dict__["audit_details"] = {"form": f"add {self.opts.label}"}
        return super().add_view(request, form_url, extra_context)

    @audited(EventType.ADMIN_OBJECT_VIEWED)
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One object."""
        return super().change_view(request, object_id, form_url, extra_context)

    @audited(EventType.ADMIN_OBJECT_VIEWED)
    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One object, and what would go with it."""
        return super().delete_view(request, object_id, extra_context)

    @audited(EventType.ADMIN_OBJECT_VIEWED)
    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Who changed one object here."""
        return super().history_view(request, object_id, extra_context)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> M | None:
        """The object, noted as what the page's row is about."""
        found: M | None = super().get_object(request, object_id, from_field)
        if found is not None:
            request.__dict__.update(audit_subject=found, audit_workspace_ids=self.workspace_ids_of([found]))
        return found

    def workspace_ids_of(self, objects: Sequence[M]) -> set[str]:
        """The workspaces these objects belong to, in a fixed number of queries; empty for what belongs to none."""
        return {str(found) for each in objects if (found := getattr(each, "workspace_id", ""))}

    def log_addition(self, request: HttpRequest, obj: M, message: Any) -> Any:
        """Record an added object, in the transaction that adds it."""
        self._record_changes(request, [obj], {"added": message})
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: M, message: Any) -> Any:
        """Record a changed object by the names of its fields, in the transaction that changes it."""
        self._record_changes(request, [obj], {"changed": message})
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Record removed objects, in the transaction that removes them."""
        self._record_changes(request, queryset, {"removed": True})
        return super().log_deletions(request, queryset)

    def _record_changes(self, request: HttpRequest, objects: Iterable[M], details: dict[str, object]) -> None:
        if context.current().rows:
            return
        for obj in objects:
            for workspace_id in sorted(self.workspace_ids_of([obj])) or [""]:
                record(
                    EventType.ADMIN_OBJECT_MODIFIED,
                    actor=cast(Person, request.user),
                    workspace_id=workspace_id,
                    subject=obj,
                    details=details,
                )


class ReadOnlyAdmin(AuditedAdmin[M]):
    """Objects that staff look at and nobody changes here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nothing is added here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Nothing is changed here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Nothing is removed here."""
        return False
