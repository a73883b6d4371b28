"""Standard controls: where red fields are blocked, and how many were."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from workspaces.models import Source, User


class StandardControl(models.Model):
    """A source at which red inventory fields are removed before anything is stored. No row: they are not."""

    source = models.OneToOneField(Source, on_delete=models.CASCADE, primary_key=True, related_name="standard_control")
    since = models.DateTimeField(default=timezone.now)
    set_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"red fields blocked at {self.source}"


class BlockedCount(models.Model):
    """How often a key was removed from a source's events in one hour."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="blocked_counts")
    hour = models.DateTimeField()
    field = models.CharField(max_length=200)
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "hour", "field"], name="one_blocked_count_each_hour")
        ]

    def __str__(self) -> str:
        return f"{self.count} of {self.field} at {self.hour:%Y-%m-%d %H}h"
