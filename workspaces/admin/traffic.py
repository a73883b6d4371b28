"""Sources and what came in through them."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import admin

from audit.admin_base import CappedPaginator, ReadOnlyAdmin
from workspaces.models import EventCount, Source


@admin.register(Source)
class SourceAdmin(ReadOnlyAdmin[Source]):
    """Sources, without their write keys."""

    list_display = ("name", "workspace", "kind", "enabled", "created_at")
    list_filter = ("enabled", "kind")
    list_select_related = ("workspace",)
    search_fields = ("name", "slug", "workspace__name", "workspace__slug", "id__exact")


@admin.register(EventCount)
class EventCountAdmin(ReadOnlyAdmin[EventCount]):
    """How many events came in and what became of them: numbers, no payloads."""

    list_display = ("hour", "source", "workspace", "event_type", "outcome", "count")
    list_select_related = ("source__workspace",)
    search_fields = ("source__name", "source__workspace__slug")
    ordering = ("-hour",)
    paginator = CappedPaginator

    @admin.display(description="workspace")
    def workspace(self, count: EventCount) -> str:
        """The source's workspace."""
        return str(count.source.workspace)

    def workspace_ids_of(self, objects: Sequence[EventCount]) -> set[str]:
        """The sources' workspaces."""
        return {str(each.source.workspace_id) for each in objects}
