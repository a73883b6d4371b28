"""Alerts: who is told that a new field turned up unclassified, and what is on its way to them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from audit.ids import new_id
from workspaces.models import Source, Workspace


class AlertSettings(models.Model):
    """A workspace's two channels (documented): a Slack webhook, a source of its own. No row: neither."""

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, primary_key=True, related_name="alerts")
    slack = models.BooleanField(default=False)
    sealed_slack_url = models.BinaryField(default=bytes, editable=False)
    slack_channel = models.CharField(max_length=80, blank=True)
    segment = models.BooleanField(default=False)
    segment_source = models.ForeignKey(Source, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    def __str__(self) -> str:
        return f"alerts of {self.workspace_id}"


class AlertMessage(models.Model):
    """One new field to tell one channel of, until it is told or given up. Names only, never a value."""

    class Channel(models.TextChoices):
        SLACK = "slack", "Slack"
        SEGMENT = "segment", "Segment"

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent"
        FAILED = "failed", "Given up"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="alert_messages")
    channel = models.CharField(max_length=10, choices=Channel.choices)
    field_name = models.CharField(max_length=200)
    recommended = models.CharField(max_length=10)
    rule = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    next_try_at = models.DateTimeField(default=timezone.now, null=True)
    error = models.CharField(max_length=60, blank=True)
    tried_at = models.DateTimeField(null=True, blank=True, help_text="When the last try came to its end.")
    is_test = models.BooleanField(default=False, help_text="Asked for by a person; tells of no field.")

    class Meta:
        ordering: ClassVar = ["created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "channel", "field_name"],
                name="one_alert_each_field",
                condition=models.Q(is_test=False),
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-created_at"], name="alerts_newest"),
            models.Index(fields=["next_try_at"], name="alert_due", condition=models.Q(status="waiting")),
            models.Index(fields=["workspace", "channel", "status", "tried_at", "is_test"], name="alerts_by_status"),
            models.Index(fields=["workspace", "channel", "error", "tried_at"], name="alerts_by_error"),
            models.Index(fields=["workspace", "channel"], name="alert_test", condition=models.Q(is_test=True)),
        ]

    def __str__(self) -> str:
        return f"{self.field_name} by {self.channel}: {self.status}"
