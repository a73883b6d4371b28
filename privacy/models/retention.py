"""Retention: how long a workspace keeps what it stored, and what was removed when that was over."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from workspaces.models import User, Workspace


class RetentionSetting(models.Model):
    """The workspace's own period (documented choices). No row: that of the installation, EVENT_RETENTION_DAYS."""

    class Period(models.IntegerChoices):
        DAYS_30 = 30, "30 days"
        DAYS_90 = 90, "90 days"
        DAYS_180 = 180, "180 days"
        DAYS_365 = 365, "365 days"
        YEARS_3 = 1095, "3 years"

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, primary_key=True, related_name="retention")
    days = models.PositiveSmallIntegerField(choices=Period.choices)
    since = models.DateTimeField(default=timezone.now)
    set_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"{self.days} days"


class RetentionRun(models.Model):
    """What the scheduled job removed of one workspace on one day (UTC), all its runs of the day added up."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="retention_runs")
    day = models.DateField()
    days_kept = models.PositiveSmallIntegerField(help_text="The period that was applied by the day's last run.")
    entries = models.PositiveBigIntegerField(default=0, help_text="Requests in the event log.")
    records = models.PositiveBigIntegerField(default=0, help_text="Of tries, and of deliveries that had ended.")
    bodies = models.PositiveBigIntegerField(default=0, help_text="Payloads that waited or could not be delivered.")
    samples = models.PositiveBigIntegerField(default=0)
    counts = models.PositiveBigIntegerField(default=0, help_text="Of fields, blocked values, events, deliveries.")
    fields = models.PositiveBigIntegerField(default=0, help_text="Seen no more and never classified.")
    last_run_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-day"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["workspace", "day"], name="one_retention_run_a_day")]

    def __str__(self) -> str:
        return f"{self.workspace_id} on {self.day:%Y-%m-%d}"
