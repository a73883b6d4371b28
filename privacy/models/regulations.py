"""Regulations: requests to suppress and delete an end user, what they did, and who is suppressed now."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from audit.ids import new_id
from workspaces.models import User, Workspace


class SubjectKey(models.Model):
    """The secret under which a workspace's end users are digested, sealed: ids can be guessed, digests must not be.

    Kept apart from the keys in the environment, which are rotated: digests have to stay what they are.
    """

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, primary_key=True, related_name="+")
    sealed = models.BinaryField(editable=False)
    # Moves with every change of who is suppressed, which bears its number: web processes then read what is new to them.
    suppressions = models.PositiveBigIntegerField(default=0)
    # Releases up to this number are forgotten: who has not looked since cannot go on from what is known.
    forgotten = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"subject key of {self.workspace_id}"


class Sweep(models.Model):
    """One search of all stores for the end users of many regulations at once. Unfinished: workers are at it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["started_at"], name="sweep_open", condition=models.Q(finished_at=None))
        ]

    def __str__(self) -> str:
        return f"sweep of {self.started_at:%Y-%m-%d %H:%M}"


class SweepPart(models.Model):
    """How far a sweep came in one partition of the event log; whoever is stopped goes on from there."""

    sweep = models.ForeignKey(Sweep, on_delete=models.CASCADE, related_name="parts")
    partition = models.PositiveSmallIntegerField()
    position = models.BigIntegerField(default=0)
    target = models.BigIntegerField(help_text="The partition's last position when the sweep began.")
    noted = models.BigIntegerField(default=0, help_text="Up to here what was removed has been counted.")
    unreadable = models.PositiveIntegerField(default=0, help_text="Entries that did not open, and so stayed.")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["sweep", "partition"], name="one_part_each_partition")]

    def __str__(self) -> str:
        return f"partition {self.partition}: {self.position} of {self.target}"


class Regulation(models.Model):
    """One request about one end user. The user's id is sealed to this row; `subject` is its digest, to find it by."""

    class Type(models.TextChoices):
        SUPPRESS_WITH_DELETE = "SUPPRESS_WITH_DELETE", "Suppress and delete"
        DELETE_ONLY = "DELETE_ONLY", "Delete"
        SUPPRESS_WITH_DELETE_INTERNAL = "SUPPRESS_WITH_DELETE_INTERNAL", "Suppress and delete, here only"
        DELETE_INTERNAL = "DELETE_INTERNAL", "Delete, here only"
        SUPPRESS_ONLY = "SUPPRESS_ONLY", "Suppress"
        UNSUPPRESS = "UNSUPPRESS", "Stop suppression"
        DELETE_ARCHIVE_ONLY = "DELETE_ARCHIVE_ONLY", "Delete stored events only"

    class Status(models.TextChoices):
        INITIALIZED = "INITIALIZED", "Initialized"
        INVALID = "INVALID", "Invalid"
        NOT_SUPPORTED = "NOT_SUPPORTED", "Not supported"
        RUNNING = "RUNNING", "Running"
        PARTIAL_SUCCESS = "PARTIAL_SUCCESS", "Partial success"
        FAILED = "FAILED", "Failed"
        FINISHED = "FINISHED", "Finished"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="regulations")
    type = models.CharField(max_length=40, choices=Type.choices)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.INITIALIZED)
    subject = models.BinaryField(max_length=16, editable=False)
    sealed_user_id = models.BinaryField(editable=False)
    requested_at = models.DateTimeField(default=timezone.now)
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    completed_at = models.DateTimeField(null=True, blank=True)
    upload = models.UUIDField(null=True, blank=True, help_text="Shared by the requests of one file.")
    sweep = models.ForeignKey(Sweep, on_delete=models.SET_NULL, null=True, blank=True, related_name="regulations")

    class Meta:
        ordering: ClassVar = ["-requested_at"]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-requested_at"], name="regulations_newest"),
            models.Index(fields=["workspace", "subject"], name="regulation_by_subject"),
            models.Index(fields=["status", "requested_at"], name="regulation_due"),
            models.Index(fields=["workspace", "upload"], name="regulations_of_upload"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.status}"


class RegulationFile(models.Model):
    """A file of many end users' ids on its way in: workers make its requests part by part. It goes with its last part.

    Its id is the `upload` of these requests.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="regulation_files")
    users = models.PositiveIntegerField(help_text="All of the file, taken in or not.")
    type = models.CharField(max_length=40, choices=Regulation.Type.choices)
    requested_at = models.DateTimeField(default=timezone.now)
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"{self.type} by file"


class RegulationFilePart(models.Model):
    """Some ids of a file that are not taken in yet, sealed to their place in it."""

    file = models.ForeignKey(RegulationFile, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    users = models.PositiveIntegerField()
    sealed_ids = models.BinaryField(editable=False)
    not_before = models.DateTimeField(null=True, blank=True, help_text="It did not open: its key is missing.")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["file", "number"], name="one_part_each_number")]

    def __str__(self) -> str:
        return f"part {self.number}"


class RegulationStep(models.Model):
    """What one regulation did at one place: a store of ours, or a destination that was told."""

    regulation = models.ForeignKey(Regulation, on_delete=models.CASCADE, related_name="steps")
    place = models.CharField(max_length=100, help_text="`event log`, `samples`, ... or a destination's name.")
    destination_id = models.UUIDField(null=True, blank=True)
    source_name = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=20, choices=Regulation.Status.choices, default=Regulation.Status.INITIALIZED)
    removed = models.PositiveBigIntegerField(default=0, help_text="How many items went.")
    detail = models.CharField(max_length=200, blank=True)
    # The notice on its way to a destination: it waits, is tried again and ends like any other delivery.
    delivery_id = models.UUIDField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["regulation", "place", "destination_id"], name="one_step_each_place")
        ]

    def __str__(self) -> str:
        return f"{self.place}: {self.status}"


class SuppressedUser(models.Model):
    """An end user whose events the Tracking API drops. Found by digest; the id itself is sealed to this row."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="suppressed_users")
    subject = models.BinaryField(max_length=16, editable=False)
    sealed_user_id = models.BinaryField(editable=False)
    since = models.DateTimeField(default=timezone.now)
    regulation_type = models.CharField(max_length=40, choices=Regulation.Type.choices)
    revision = models.PositiveBigIntegerField(help_text="The number of the change that put the user on the list.")

    class Meta:
        ordering: ClassVar = ["-since"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "subject"], name="one_suppression_each_user")
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "revision"], name="suppressed_since"),
            models.Index(fields=["workspace", "regulation_type", "-since", "-id"], name="suppressed_newest"),
        ]

    def __str__(self) -> str:
        return bytes(self.subject).hex()


class Release(models.Model):
    """A user who was taken off the list of suppressed ones, for web processes that know the list. Kept for a day."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    subject = models.BinaryField(max_length=16, editable=False)
    revision = models.PositiveBigIntegerField(help_text="The number of the change that took the user off.")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["workspace", "revision"], name="released_since"),
            models.Index(fields=["at"], name="release_age"),
        ]

    def __str__(self) -> str:
        return bytes(self.subject).hex()
