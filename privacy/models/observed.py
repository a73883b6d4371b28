"""What the scan saw: fields, when and where, and what the rules make of them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from audit.ids import new_id
from privacy.matchers import folded
from privacy.models.inventory import Classification, InventoryField
from workspaces.models import Source, Workspace


class ObservedField(models.Model):
    """One field of a workspace's events: its keys below context, traits or properties, joined by dots.

    `recommended` and what stands with it is the rules' word as of `revision`; `chosen` is a colour an owner picked in
    the inbox and has not applied yet. `sealed_sample` is one event that held the field, sealed to this row.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="observed_fields")
    name = models.CharField(max_length=200)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    folded_name = models.CharField(max_length=400, editable=False, help_text="The name as rules compare it.")
    folded_key = models.CharField(max_length=400, editable=False, help_text="Its last key as rules compare it.")
    in_inventory = models.BooleanField(default=False, help_text="Classified: no longer in the inbox.")
    entry = models.ForeignKey(
        InventoryField,
        on_delete=models.SET_NULL,
        null=True,
        related_name="observed",
        db_index=False,  # `observed_by_entry` serves it
        help_text="The inventory's word on it: by its whole name, else by its last key.",
    )
    recommended = models.CharField(max_length=10, choices=Classification.choices, default=Classification.GREEN)
    chosen = models.CharField(max_length=10, choices=Classification.choices, blank=True)
    origin = models.CharField(
        max_length=20, blank=True, help_text="Of the rule: default or custom matcher, value check."
    )
    rule = models.CharField(max_length=100, blank=True)
    how = models.CharField(max_length=20, blank=True)
    term = models.CharField(max_length=200, blank=True)
    score = models.FloatField(default=0)
    # A hit on a value is no property of the name: it stays, whatever the matchers say of the name later.
    by_value = models.BooleanField(default=False)
    revision = models.PositiveBigIntegerField(default=0, help_text="Of the rules that recommended this.")
    sealed_sample = models.BinaryField(default=bytes, editable=False)
    sample_source = models.ForeignKey(Source, on_delete=models.SET_NULL, null=True, related_name="+")
    sample_at = models.DateTimeField(null=True, help_text="When the sample was stored; it goes with its retention.")
    sample_subject = models.BinaryField(
        default=bytes,
        max_length=16,
        editable=False,
        help_text="Digest of the sample's userId, to find it for deletion.",
    )

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["workspace", "name"], name="one_row_each_field")]
        indexes: ClassVar = [
            # These hold all that is counted, searched and sorted by: rows, which carry samples, are read for one page.
            models.Index(
                fields=["workspace", "in_inventory", "last_seen", "recommended", "chosen", "name", "id"], name="inbox"
            ),
            models.Index(
                fields=["workspace", "in_inventory", "first_seen", "id", "last_seen", "name"], name="inbox_newest"
            ),
            models.Index(fields=["workspace", "in_inventory", "name", "last_seen", "id"], name="inbox_by_name"),
            models.Index(fields=["workspace", "folded_name"], name="observed_by_name"),
            models.Index(fields=["workspace", "folded_key"], name="observed_by_key"),
            models.Index(fields=["entry", "id"], name="observed_by_entry"),
            models.Index(fields=["workspace", "sample_subject"], name="sample_by_subject"),
            models.Index(fields=["workspace", "rule", "last_seen"], name="observed_by_rule"),
            models.Index(fields=["workspace", "revision"], name="observed_by_revision"),
            models.Index(fields=["sample_at"], name="sample_age"),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Derive the folded forms; the scan, which writes many at once, does so itself."""
        self.folded_name, self.folded_key = folded(self.name), folded(self.name.rpartition(".")[2] or self.name)
        super().save(*args, **kwargs)

    def __str__(self) -> str:
        return self.name

    @property
    def colour(self) -> str:
        """What the inbox shows: the owner's pick, else the recommendation."""
        return self.chosen or self.recommended


class FieldHour(models.Model):
    """In how many events of one source a field stood in one hour."""

    field = models.ForeignKey(ObservedField, on_delete=models.CASCADE, related_name="hours")
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="+")
    hour = models.DateTimeField()
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["field", "hour", "source"], name="one_field_count_each_hour")
        ]
        indexes: ClassVar = [models.Index(fields=["hour"], name="field_hour_age")]

    def __str__(self) -> str:
        return f"{self.count} at {self.hour:%Y-%m-%d %H}h"


class FieldEvent(models.Model):
    """One event name of one source that held a field. `event` is a track call's name, else the call's type."""

    field = models.ForeignKey(ObservedField, on_delete=models.CASCADE, related_name="events")
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="+")
    event_type = models.CharField(max_length=20)
    event = models.CharField(max_length=200)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["field", "source", "event_type", "event"], name="one_row_each_field_event")
        ]
        indexes: ClassVar = [models.Index(fields=["source", "last_seen", "field"], name="field_event_by_source")]

    def __str__(self) -> str:
        return self.event
