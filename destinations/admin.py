"""Destinations in Django admin, for support staff to look at: no settings, no payloads, no private halves of keys."""

from __future__ import annotations

import uuid

from django.contrib import admin

from audit.admin_base import CappedPaginator, ReadOnlyAdmin
from destinations.models import Attempt, Delivery, Destination, PublicKey


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
        "pem",
    )


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin[Delivery]):
    """What waits, is held or was given up, without what it would send."""

    list_display = ("message_id", "destination", "event_type", "status", "reason", "attempts", "next_try_at")
    list_filter = ("status",)
    list_select_related = ("destination",)
    search_fields = ("message_id__exact", "destination__id__exact")
    ordering = ("-id",)
    paginator = CappedPaginator
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


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin[Attempt]):
    """Each try at a destination, newest first."""

    list_display = ("message_id", "destination", "number", "tried_at", "duration_ms", "status_code", "code")
    list_select_related = ("destination",)
    search_fields = ("message_id__exact", "destination__id__exact")
    ordering = ("-id",)
    paginator = CappedPaginator

    def workspace_id_of(self, obj: Attempt) -> uuid.UUID | str:
        """The destination's workspace."""
        return obj.destination.workspace_id
