"""Destinations in Django admin, for support staff to look at: no settings, no payloads, no private halves of keys."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from audit.admin_base import CappedPaginator, ReadOnlyAdmin
from audit.event_types import EventType
from audit.middleware import audited
from destinations.filters.builder import Answers, answers_of
from destinations.filters.structure import of_fields, structure
from destinations.models import Attempt, Delivery, Destination, Filter, PublicKey
from destinations.reports.trace import traces
from destinations.views.resending_forms import TraceForm


@admin.register(Destination)
class DestinationAdmin(ReadOnlyAdmin[Destination]):
    """Where events go. Settings hold credentials and stay sealed."""

    list_display = ("name", "workspace", "kind", "source", "enabled", "encrypts", "created_at")
    list_filter = ("enabled", "encrypts", "kind")
    list_select_related = ("workspace", "source")
    search_fields = ("name", "workspace__name", "workspace__slug", "id__exact")
    fields = (
        "id",
        "name",
        "workspace",
        "source",
        "kind",
        "enabled",
        "encrypts",
        "public_key",
        "created_at",
        "revision",
    )


@admin.register(PublicKey)
class PublicKeyAdmin(ReadOnlyAdmin[PublicKey]):
    """Public halves: what a customer compares with the key they hold."""

    list_display = (
        "fingerprint",
        "workspace",
        "destination",
        "bits",
        "made_by",
        "made_at",
        "in_force_from",
        "in_force_to",
    )
    list_select_related = ("workspace", "destination", "made_by")
    search_fields = ("fingerprint__exact", "workspace__slug", "destination__name")
    fields = (
        "fingerprint",
        "workspace",
        "destination",
        "bits",
        "made_by",
        "made_at",
        "in_force_from",
        "in_force_to",
        "origin",
        "proved_at",
        "encrypted_events",
        "pem",
    )


@admin.register(Filter)
class FilterAdmin(ReadOnlyAdmin[Filter]):
    """What keeps events or fields back. What a filter compares with may be PHI: only its shape is shown."""

    list_display = ("name", "destination", "enabled", "shape", "created_at")
    list_filter = ("enabled",)
    list_select_related = ("destination",)
    search_fields = ("name", "destination__name", "destination__id__exact")
    ordering = ("-id",)
    paginator = CappedPaginator
    fields = ("id", "name", "destination", "enabled", "shape", "names", "created_at")

    @admin.display(description="Does")
    def shape(self, row: Filter) -> str:
        """Its action and conditions, values left out."""
        return structure(_answers(row))

    @admin.display(description="Fields", empty_value="-")
    def names(self, row: Filter) -> str:
        """The fields it is about."""
        return of_fields(_answers(row))

    def workspace_ids_of(self, objects: Sequence[Filter]) -> set[str]:
        """The destinations' workspaces."""
        return {str(each.destination.workspace_id) for each in objects}


def _answers(row: Filter) -> Answers:
    return answers_of(row.name, row.answers, enabled=row.enabled)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin[Delivery]):
    """What waits, is held or was given up, without what it would send."""

    list_display = ("message_id", "destination", "event_type", "status", "reason", "attempts", "next_try_at")
    list_filter = ("status",)
    list_select_related = ("destination",)
    search_fields = ("destination__id__exact", "destination__name")
    ordering = ("-id",)
    paginator = CappedPaginator
    change_list_template = "admin/destinations/delivery_list.html"
    fields = (
        "message_id",
        "workspace",
        "destination",
        "event_type",
        "received_at",
        "status",
        "reason",
        "attempts",
        "first_tried_at",
        "next_try_at",
        "key_fingerprint",
    )

    def get_urls(self) -> list[URLPattern]:
        """The lists' own, and following a message."""
        trace = self.admin_site.admin_view(self.trace_view)
        return [path("trace/", trace, name="destinations_delivery_trace"), *super().get_urls()]

    @method_decorator(sensitive_post_parameters())
    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    @audited(EventType.MESSAGE_TRACED)
    def trace_view(self, request: HttpRequest) -> HttpResponse:
        """One message id of one workspace, from its source to every destination, without a value of the event.

        Posted, so that the id, which a sender chose, stands in no address and no access log.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied("look at deliveries")
        form = TraceForm(request.POST if request.method == "POST" else None)
        context = {**self.admin_site.each_context(request), "title": "Follow a message", "form": form, "asked": False}
        if form.is_valid():
            workspace, message_id = form.cleaned_data["workspace"], form.cleaned_data["message_id"]
            request.__dict__.update(
                audit_subject=workspace,
                audit_workspace_ids={str(workspace.pk)},
                audit_message_id=message_id,
            )
            context |= {"asked": True, "message_id": message_id, "traces": traces(message_id, workspace)}
        return render(request, "admin/destinations/trace.html", context)


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin[Attempt]):
    """Each try at a destination, newest first."""

    list_display = ("message_id", "destination", "number", "tried_at", "duration_ms", "status_code", "code")
    list_select_related = ("destination",)
    search_fields = ("destination__id__exact", "destination__name")
    ordering = ("-id",)
    paginator = CappedPaginator

    def workspace_ids_of(self, objects: Sequence[Attempt]) -> set[str]:
        """The destinations' workspaces."""
        return {str(each.destination.workspace_id) for each in objects}
