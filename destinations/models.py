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
    hold_unclassified = models.BooleanField(
        default=False, help_text="Only green and encrypted yellow fields leave; the other values are left out."
    )
    public_key = models.ForeignKey(
        "PublicKey", on_delete=models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Workers rebuild their plan when this moves.
    revision = models.PositiveIntegerField(default=1, editable=False)
    # Moves when more is encrypted or held back than before: what waits from before then is prepared again.
    protection = models.PositiveIntegerField(default=1, editable=False)
    off_since = models.DateTimeField(
        null=True, editable=False, help_text="Since when it or its source is disabled, as far as that was noted."
    )

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
    """The public half of a key pair. The private half was shown once, or never came here, and is nowhere here."""

    class Origin(models.TextChoices):
        SERVER = "server", "Made here, shown once"
        BROWSER = "browser", "Made in the browser"
        OWN = "own", "Brought along"

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
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.SERVER)
    # SHA-256 of what only the private half can read; asked of its holder while the pair is not in force yet.
    challenge = models.BinaryField(max_length=32, default=bytes, editable=False)
    proved_at = models.DateTimeField(null=True, help_text="When its holder decrypted the challenge.")
    encrypted_events = models.PositiveBigIntegerField(
        default=0, help_text="Events of which at least one value was encrypted under it."
    )

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
        INVENTORY = "inventory", "Yellow inventory fields"

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

    @property
    def value(self) -> str:
        """What a form sends for it."""
        return f"{self.kind}:{self.reference}"


class EmailUserIds(models.Model):
    """In how many events of a source `userId`, which is never encrypted, looked like an e-mail address."""

    source = models.OneToOneField(Source, on_delete=models.CASCADE, primary_key=True, related_name="+")
    last_seen = models.DateTimeField()
    count = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.count} at {self.source_id}"


class Filter(models.Model):
    """What keeps events, or fields of them, from one destination. `answers` is what the builder was told."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="filters")
    name = models.CharField(max_length=64)
    enabled = models.BooleanField(default=True)
    answers = models.JSONField(editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["created_at", "id"]

    def __str__(self) -> str:
        return self.name


class Draft(models.Model):
    """A half-finished setup: one person's answers so far, never a private key.

    Of a destination that is being added, or (`destination`) of one whose Data Encryption is being changed.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, null=True, blank=True, related_name="drafts")
    source = models.ForeignKey(Source, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    name = models.CharField(max_length=100, blank=True)
    enabled = models.BooleanField(default=False)  # documented: new destinations start disabled
    sealed_settings = models.BinaryField(default=bytes)
    encrypts = models.BooleanField(default=False)
    fields = models.JSONField(default=list, help_text='List of "kind:reference".')
    key_bits = models.PositiveSmallIntegerField(default=3072)
    key_origin = models.CharField(max_length=10, choices=PublicKey.Origin.choices, default=PublicKey.Origin.SERVER)
    pending_key = models.OneToOneField(
        PublicKey, on_delete=models.SET_NULL, null=True, blank=True, related_name="draft"
    )
    # Drawn for each showing of the Setup page; a second use of the same one is answered 410.
    key_request = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    touched_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["touched_at"], name="draft_age")]
        constraints: ClassVar = [models.UniqueConstraint(fields=["destination", "user"], name="one_change_each_person")]

    def __str__(self) -> str:
        return f"draft of {self.kind}"


class Delivery(models.Model):
    """What could not be delivered at once: waiting for its next try, held, dead, or delivered in the end."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting for its next try"
        DELIVERED = "delivered", "Delivered"
        DEAD = "dead", "Dead letter"
        HELD = "held", "Held"
        # Asked for again: a worker reads the event from the log and prepares it with the configuration of that moment.
        QUEUED = "queued", "To be prepared again"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # No indexes of their own: those below begin with them, and each costs every row.
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    message_id = models.CharField(max_length=100)
    event_type = models.CharField(max_length=20)
    event = models.CharField(max_length=200, blank=True, help_text="A track call's name, as it is counted under.")
    received_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status.choices)
    reason = models.CharField(max_length=60, blank=True, help_text="Discard code or error code of the last try.")
    attempts = models.PositiveSmallIntegerField(default=0)
    first_tried_at = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)
    key_fingerprint = models.CharField(max_length=95, blank=True)
    protection = models.PositiveIntegerField(default=1, help_text="The destination's when the body was prepared.")
    sealed_body = models.BinaryField(default=bytes, help_text="What is to be sent, already encrypted, sealed at rest.")
    sealed_answer = models.BinaryField(
        default=bytes, help_text="How the receiver's last refusal begins, without credentials, sealed at rest."
    )
    # Where the event stands in the event log; a held event has no body here and is read from there again.
    log_partition = models.PositiveSmallIntegerField()
    log_position = models.BigIntegerField()
    log_place = models.PositiveSmallIntegerField()
    replay = models.ForeignKey(
        "Replay", on_delete=models.CASCADE, null=True, blank=True, related_name="deliveries", db_index=False
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["id"], name="delivery_queued", condition=models.Q(status="queued")),
            models.Index(
                fields=["replay", "status"], name="delivery_of_replay", condition=models.Q(replay__isnull=False)
            ),
            models.Index(
                fields=["destination", "next_try_at"], name="delivery_due", condition=models.Q(status="waiting")
            ),
            models.Index(fields=["destination", "status", "id"], name="delivery_by_destination"),
            models.Index(fields=["workspace", "message_id"], name="delivery_by_message"),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"  # audit rows repeat it: nothing here that a sender chose


class Turn(models.Model):
    """When the next request may go to a destination whose kind has a pace: every worker takes its turns from here."""

    destination = models.OneToOneField(Destination, on_delete=models.CASCADE, primary_key=True, related_name="+")
    free_at = models.FloatField(help_text="Seconds since 1970.")

    def __str__(self) -> str:
        return f"the next at {self.free_at}"


class Attempt(models.Model):
    """One try at one destination: the record of what went where, when, and what was answered. No payload."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="attempts", db_index=False)
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
        indexes: ClassVar = [
            models.Index(fields=["destination", "id"], name="attempt_by_destination"),
            models.Index(fields=["destination", "code", "id"], name="attempt_failed", condition=~models.Q(code="")),
        ]

    def __str__(self) -> str:
        return f"try {self.number}, {self.pk}"


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


class DeliveryNameCount(models.Model):
    """What DeliveryCount counts, by the event's name: as `workspaces.models.EventNameCount` does for sources."""

    destination = models.ForeignKey(
        Destination, on_delete=models.CASCADE, related_name="delivery_name_counts", db_index=False
    )
    since = models.DateTimeField(help_text="Start of the minute, or of the hour, in which the event was received.")
    event_type = models.CharField(max_length=20)
    outcome = models.CharField(max_length=60)
    event = models.CharField(max_length=200)
    count = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["destination", "since", "event_type", "outcome", "event"], name="one_delivery_name_count"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["since"], name="delivery_name_count_age")]

    def __str__(self) -> str:
        return f"{self.count} {self.outcome} since {self.since:%Y-%m-%d %H:%M}"


class FilteredSample(models.Model):
    """Where one of the last events kept back for a reason stands in the event log. Nothing of the event is here."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="+", db_index=False)
    outcome = models.CharField(max_length=60)
    received_at = models.DateTimeField()
    log_partition = models.PositiveSmallIntegerField()
    log_position = models.BigIntegerField()
    log_place = models.PositiveSmallIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["destination", "outcome", "id"], name="filtered_sample_by_reason")]

    def __str__(self) -> str:
        return f"{self.outcome} at {self.log_partition}/{self.log_position}/{self.log_place}"


class WithheldCount(models.Model):
    """How many values of unclassified or unprotected fields were left out for one destination in one hour."""

    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="withheld_counts")
    hour = models.DateTimeField()
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["destination", "hour"], name="one_withheld_count_each_hour")
        ]

    def __str__(self) -> str:
        return f"{self.count} withheld at {self.hour:%Y-%m-%d %H}h"


class DeliveryLatency(models.Model):
    """How long delivered events took from the Tracking API's receipt to the destination's answer, by the hour.

    A histogram, so that percentiles are computed and not guessed; destinations.delivery.latency says what a bucket is.
    """

    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="latencies")
    hour = models.DateTimeField(help_text="In which the event was received.")
    bucket = models.PositiveSmallIntegerField()
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["destination", "hour", "bucket"], name="one_delivery_latency")
        ]

    def __str__(self) -> str:
        return f"{self.count} in bucket {self.bucket} at {self.hour:%Y-%m-%d %H}h"


class Replay(models.Model):
    """Events of a stretch of time, sent to one destination once more. What came of each stands in its deliveries."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        FINISHED = "finished", "Finished"
        CANCELLED = "cancelled", "Cancelled"
        LAPSED = "lapsed", "Lapsed"  # its destination stayed disabled

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="replays")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    since = models.DateTimeField(help_text="Of what was received from then on.")
    until = models.DateTimeField(help_text="And before then.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    finished_at = models.DateTimeField(null=True)
    found = models.PositiveBigIntegerField(default=0, help_text="Events read so far.")
    stopped = models.PositiveBigIntegerField(default=0, help_text="Of these, kept back by a filter or a control.")
    # What its deliveries came to that are removed by now (destinations.pipeline.forgetting).
    past_delivered = models.PositiveBigIntegerField(default=0)
    past_failed = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["destination"], name="one_replay_at_a_time", condition=models.Q(state="running")
            )
        ]

    def __str__(self) -> str:
        return f"replay of {self.since:%Y-%m-%d %H:%M} to {self.until:%Y-%m-%d %H:%M}"


class ReplayPart(models.Model):
    """How far a replay has read one partition of the event log, and how far it is to read."""

    replay = models.ForeignKey(Replay, on_delete=models.CASCADE, related_name="parts")
    partition = models.PositiveSmallIntegerField()
    position = models.BigIntegerField(default=0)
    target = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["replay", "partition"], name="one_replay_part")]

    def __str__(self) -> str:
        return f"partition {self.partition} up to {self.position} of {self.target}"
