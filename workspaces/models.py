"""Workspaces, the people in them, the sources that send events and how far each consumer of the event log has read."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from audit.ids import new_id


class UserManager(BaseUserManager["User"]):
    """Makes people known by their e-mail address alone."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Add a person; without a password they cannot sign in until they set one."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Add a person with every right in Django admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """One named person (45 CFR 164.312(a)(2)(i)); never shared, never deleted while the audit log names them."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField("e-mail address", unique=True)
    name = models.CharField(max_length=100, blank=True)
    is_staff = models.BooleanField("support staff", default=False, help_text="May open Django admin.")
    is_active = models.BooleanField(default=True, help_text="Untick to shut the person out without losing the record.")
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(Lower("email"), name="one_person_per_address")]

    def __str__(self) -> str:
        return self.email

    def get_short_name(self) -> str:
        """What the person is called in the header and the audit pages."""
        return self.name or self.email


class Workspace(models.Model):
    """One customer's account: sources, destinations and people. Eligibility is set by support staff alone."""

    class Plan(models.TextChoices):
        FREE = "free", "Free"
        TEAM = "team", "Team"
        BUSINESS = "business", "Business"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=60, unique=True)
    plan = models.CharField("plan tier", max_length=10, choices=Plan.choices, default=Plan.FREE)
    baa_signed_on = models.DateField(
        "BAA signed on", null=True, blank=True, help_text="Date of the signed BAA on file."
    )
    strict_write_keys = models.BooleanField(
        "strict write keys",
        default=False,
        help_text="Answer 401 to an unknown or revoked write key instead of 200.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    members = models.ManyToManyField(User, through="Membership", related_name="workspaces")

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_hipaa_eligible(self) -> bool:
        """Whether PHI may be sent: Business tier and a BAA that is signed and in force today."""
        signed = self.baa_signed_on
        return self.plan == self.Plan.BUSINESS and signed is not None and signed <= timezone.now().date()


class Membership(models.Model):
    """One person's part in one workspace."""

    class Role(models.TextChoices):
        OWNER = "owner", "Workspace Owner"
        SOURCE_ADMIN = "source_admin", "Source Admin"
        SOURCE_READ_ONLY = "source_read_only", "Source Read-only"
        MEMBER = "member", "Workspace Member"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["workspace", "user"], name="one_membership_each")]

    def __str__(self) -> str:
        return f"{self.user} in {self.workspace} ({self.get_role_display()})"


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
