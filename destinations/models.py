"""Destinations, how they are encrypted for, and the ledger of what was tried and what still waits."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from audit.ids import new_id
from workspaces.models import Source, User, Workspace


class Destination(models.Model):
    """One instance of a catalog entry, fed by exactly one source."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="destinations")
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="destinations")
    kind = models.CharField(max_length=40, help_text="Slug of the catalog entry.")
    name = models.CharField(max_length=100)
    enabled = models.BooleanField(default=True)
    sealed_settings = models.BinaryField(editable=False)
    encrypts = models.BooleanField("encrypts sensitive data", default=False)
    public_key = models.ForeignKey(
        "PublicKey", on_delete=models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Workers rebuild their plan when this moves.
    revision = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint("workspace", Lower("name"), name="destination_name_unique_in_workspace"),
            models.CheckConstraint(
                condition=models.Q(encrypts=False) | models.Q(public_key__isnull=False), name="encryption_has_a_key"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PublicKey(models.Model):
    """The public half of a key pair. The private half was shown once and is nowhere here."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    destination = models.ForeignKey(
        Destination, on_delete=models.CASCADE, null=True, blank=True, related_name="public_keys"
    )
    pem = models.TextField()
    fingerprint = models.CharField(max_length=95, help_text="SHA-256 of the DER SubjectPublicKeyInfo, hex pairs.")
    bits = models.PositiveSmallIntegerField()
    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    in_force_from = models.DateTimeField(null=True)
    in_force_to = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-made_at"]

    def __str__(self) -> str:
        return self.fingerprint


class EncryptedField(models.Model):
    """A choice in *Fields*: what it refers to, and the terms it stood for when it was made."""

    class Kind(models.TextChoices):
        DEFAULT_MATCHER = "default_matcher", "Default matchers"
        CUSTOM_MATCHER = "custom_matcher", "Custom matchers"
        SYNONYM = "synonym", "Synonyms"
        INVENTORY = "inventory", "Classified fields"

    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="encrypted_fields")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    reference = models.CharField(max_length=200, help_text="Matcher name or inventory field name.")
    terms = models.JSONField(help_text="List of key names, as written.")

    class Meta:
        ordering: ClassVar = ["kind", "reference"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["destination", "kind", "reference"], name="one_choice_each_field")
        ]

    def __str__(self) -> str:
        return self.reference


class Draft(models.Model):
    """A half-finished add-destination wizard: one person's answers so far, never a private key."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    source = models.ForeignKey(Source, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    name = models.CharField(max_length=100, blank=True)
    enabled = models.BooleanField(default=True)
    sealed_settings = models.BinaryField(default=bytes)
    encrypts = models.BooleanField(default=False)
    fields = models.JSONField(default=list, help_text='List of "kind:reference".')
    key_bits = models.PositiveSmallIntegerField(default=3072)
    pending_key = models.OneToOneField(
        PublicKey, on_delete=models.SET_NULL, null=True, blank=True, related_name="draft"
    )
    # Drawn for each showing of the Setup page; a second use of the same one is answered 410.
    key_request = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    touched_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["touched_at"], name="draft_age")]

    def __str__(self) -> str:
        return f"draft of {self.kind}"


class Delivery(models.Model):
    """What could not be delivered at once: waiting for its next try, held, dead, or delivered in the end."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting for its next try"
        DELIVERED = "delivered", "Delivered"
        DEAD = "dead", "Dead letter"
        HELD = "held", "Held"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="deliveries")
    message_id = models.CharField(max_length=100)
    event_type = models.CharField(max_length=20)
    received_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status.choices)
    reason = models.CharField(max_length=60, blank=True, help_text="Discard code or error code of the last try.")
    attempts = models.PositiveSmallIntegerField(default=0)
    first_tried_at = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)
    key_fingerprint = models.CharField(max_length=95, blank=True)
    sealed_body = models.BinaryField(default=bytes, help_text="What is to be sent, already encrypted, sealed at rest.")
    # Where the event stands in the event log; a held event has no body here and is read from there again.
    log_partition = models.PositiveSmallIntegerField()
    log_position = models.BigIntegerField()
    log_place = models.PositiveSmallIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["destination", "next_try_at"], name="delivery_due", condition=models.Q(status="waiting")
            ),
            models.Index(fields=["destination", "status", "id"], name="delivery_by_destination"),
            models.Index(fields=["workspace", "message_id"], name="delivery_by_message"),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} to {self.destination_id}: {self.status}"


class Attempt(models.Model):
    """One try at one destination: the record of what went where, when, and what was answered. No payload."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="attempts")
    message_id = models.CharField(max_length=100)
    event_type = models.CharField(max_length=20)
    number = models.PositiveSmallIntegerField(help_text="1 for the first try.")
    received_at = models.DateTimeField(help_text="When the Tracking API took the event.")
    tried_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    status_code = models.PositiveSmallIntegerField(null=True, help_text="Null where no answer came.")
    code = models.CharField(max_length=60, blank=True, help_text="Empty on success, else the documented error code.")
    key_fingerprint = models.CharField(max_length=95, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["destination", "id"], name="attempt_by_destination")]

    def __str__(self) -> str:
        return f"try {self.number} of {self.message_id}: {self.code or 'delivered'}"


class DeliveryCount(models.Model):
    """How many events came to what end at one destination in one hour: what the charts are drawn from.

    `outcome` is `delivered`, `retried` (delivered, but not at the first try) or a documented discard code.
    """

    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="delivery_counts")
    hour = models.DateTimeField()
    event_type = models.CharField(max_length=20)
    outcome = models.CharField(max_length=60)
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["destination", "hour", "event_type", "outcome"], name="one_delivery_count")
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.outcome} at {self.hour:%Y-%m-%d %H}h"
