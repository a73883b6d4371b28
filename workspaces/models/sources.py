"""Sources, the labels that say what they are for, their write keys and what came in."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from audit.ids import new_id
from workspaces.models.workspace import Workspace

LABEL_WORD = RegexValidator(
    r"^[A-Za-z][A-Za-z0-9_-]*\Z", "Begin with a letter; then letters, digits, hyphens and underscores.", "label_word"
)


class Source(models.Model):
    """A website, app or server that sends events. Its kind cannot be changed later."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="sources")
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=60)
    kind = models.CharField("type", max_length=30)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "slug"], name="source_slug_unique_in_workspace"),
            models.UniqueConstraint("workspace", Lower("name"), name="source_name_unique_in_workspace"),
        ]

    def __str__(self) -> str:
        return self.name


class Label(models.Model):
    """`key:value`, such as `environment:Prod`. Never renamed; removed only where nothing carries it (documented)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="labels")
    key = models.CharField(max_length=40, validators=[LABEL_WORD])
    value = models.CharField(max_length=40, validators=[LABEL_WORD])
    description = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["key", "value"]
        constraints: ClassVar = [
            models.UniqueConstraint("workspace", Lower("key"), Lower("value"), name="one_label_of_a_name")
        ]

    def __str__(self) -> str:
        return f"{self.key}:{self.value}"


class SourceLabel(models.Model):
    """A label on a source. `key` stands here again so that the database itself allows one value for each key."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="source_labels")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="source_labels")
    key = models.CharField(max_length=40)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint("source", Lower("key"), name="one_value_for_each_key")]

    def __str__(self) -> str:
        return f"{self.label} on {self.source}"


class WriteKey(models.Model):
    """What a source signs its events with: found by digest, shown again only by unsealing."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="write_keys")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    sealed = models.BinaryField(editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering: ClassVar = ["created_at"]

    def __str__(self) -> str:
        return f"write key {self.digest[:8]} of {self.source}"


class EventCount(models.Model):
    """How many events of a source came to what end in one hour. `outcome` is `received` or a discard code."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="event_counts")
    hour = models.DateTimeField()
    event_type = models.CharField(max_length=20)
    outcome = models.CharField(max_length=40)
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "hour", "event_type", "outcome"], name="one_count_each_hour")
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.outcome} at {self.hour:%Y-%m-%d %H}h"


class EventNameCount(models.Model):
    """What EventCount counts, by the event's name: by the minute for some hours, then by the hour (name_counts.py).

    `event` is a track call's name, empty for other calls and for what was discarded before it was read. `count` may be
    negative: what is taken back after its minute was gathered into an hour.
    """

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="event_name_counts", db_index=False)
    since = models.DateTimeField(help_text="Start of the minute, or of the hour, in which the event was received.")
    event_type = models.CharField(max_length=20)
    outcome = models.CharField(max_length=40)
    event = models.CharField(max_length=200)
    count = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "since", "event_type", "outcome", "event"], name="one_event_name_count"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["since"], name="event_name_count_age")]

    def __str__(self) -> str:
        return f"{self.count} {self.outcome} since {self.since:%Y-%m-%d %H:%M}"
