"""The event log where it lives in the database, how far it was read, and the message ids it brought."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class LogEntry(models.Model):
    """The event log where it lives in the database (PostgreSQL). One row a request; `body` is sealed."""

    pk = models.CompositePrimaryKey("partition", "position")
    partition = models.PositiveSmallIntegerField()
    position = models.BigIntegerField()
    entry_id = models.UUIDField()
    source_id = models.UUIDField()
    received_at = models.BigIntegerField(help_text="Microseconds since 1970, UTC.")
    events = models.PositiveSmallIntegerField()
    body = models.BinaryField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["received_at"], name="log_entry_age")]

    def __str__(self) -> str:
        return f"log entry {self.partition}/{self.position}"


class LogPosition(models.Model):
    """How far one consumer has read one partition of the event log: everything up to `position` is settled."""

    consumer = models.CharField(max_length=40)
    partition = models.PositiveSmallIntegerField()
    position = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["consumer", "partition"], name="one_position_each")]

    def __str__(self) -> str:
        return f"{self.consumer} at {self.partition}/{self.position}"


class SeenMessage(models.Model):
    """A `messageId` already taken for a source, and the log entry that took it, so that a re-read is no duplicate."""

    # Bytes: each insert touches another page of the key's index, and shorter entries share pages more often.
    key = models.BinaryField(
        primary_key=True, max_length=16, help_text="128 bits of BLAKE2b over source id and messageId."
    )
    entry_id = models.BinaryField(max_length=16, help_text="The id's 16 bytes.")
    place = models.PositiveSmallIntegerField(help_text="The event's place within the entry.")
    seen_at = models.BigIntegerField(help_text="Seconds since 1970, UTC.")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["seen_at"], name="seen_message_age")]

    def __str__(self) -> str:
        return bytes(self.key).hex()
