"""Audit rows in Django admin: to be read and searched, nothing else."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.admin_base import CappedPaginator, ReadOnlyAdmin
from audit.event_types import EventType
from audit.models import AuditRow


class EventTypeFilter(admin.SimpleListFilter):
    """By event type, from the registry: asking the table which ones it holds would read all of it."""

    title = "event type"
    parameter_name = "event_type"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Every event type there is."""
        return [(each.value, each.value) for each in EventType]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditRow]) -> QuerySet[AuditRow]:
        """The rows of the chosen type."""
        return queryset.filter(event_type=self.value()) if self.value() else queryset


@admin.register(AuditRow)
class AuditRowAdmin(ReadOnlyAdmin[AuditRow]):
    """The log across all workspaces, newest first."""

    list_display = (
        "timestamp",
        "workspace_id",
        "actor_label",
        "actor_kind",
        "on_behalf_of_label",
        "event_type",
        "object_label",
        "outcome",
        "address",
    )
    list_filter = ("outcome", "actor_kind", EventTypeFilter)
    search_fields = ("workspace_id__exact", "actor_user_id__exact", "actor_label__exact", "request_id__exact")
    search_help_text = "An exact workspace id, user id, e-mail address or request id."
    ordering = ("-id",)
    paginator = CappedPaginator
