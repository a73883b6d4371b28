"""The HIPAA audit log: who read or changed what may involve PHI. Rows are added, never changed and never removed."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.db import models
from django.utils import timezone

from audit.event_types import MEANINGS
from audit.ids import new_id
from audit.insert import insert

# What most rows hold in a field: its index leaves them out. A question for another value has to say that it is not for
# this one (`queries.matching`), or SQLite does not see that the index answers it.
USUAL = {"actor_kind": "person", "end_user_id": "", "object_id": "", "outcome": "done"}
_NAMES = {
    "actor_kind": "audit_by_actor_kind",
    "end_user_id": "audit_by_end_user",
    "object_id": "audit_by_object",
    "outcome": "audit_by_outcome",
}


class AppendOnlyError(TypeError):
    """Raised by any attempt to change or remove audit rows through the ORM. The database refuses it as well."""


class AppendOnlyQuerySet(models.QuerySet["AuditRow"]):
    """Rows can be read and added; the rest raises before the database has to."""

    def update(self, **_: Any) -> NoReturn:
        """Refused."""
        raise AppendOnlyError("audit rows cannot be changed")

    def delete(self) -> NoReturn:
        """Refused."""
        raise AppendOnlyError("audit rows cannot be removed")


class AuditRow(models.Model):
    """One read or update. Workspaces, people and objects stand here by id and label, so that a row outlives them.

    Ids are drawn in the order of time, so lists page by id and a time range is a range of ids.
    """

    class Outcome(models.TextChoices):
        DONE = "done", "Done"
        DENIED = "denied", "Denied"
        FAILED = "failed", "Failed"

    class ActorKind(models.TextChoices):
        PERSON = "person", "Member or account holder"
        SUPPORT = "support", "Support staff"
        SYSTEM = "system", "The product itself"
        STRANGER = "stranger", "Nobody signed in"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace_id = models.CharField(max_length=40, blank=True)
    actor_user_id = models.CharField(max_length=40, blank=True)
    actor_label = models.CharField(max_length=254, blank=True)
    actor_kind = models.CharField(max_length=10, choices=ActorKind.choices)
    # The owner who let support staff in, where they act in the workspace's pages.
    on_behalf_of = models.CharField(max_length=40, blank=True)
    on_behalf_of_label = models.CharField(max_length=254, blank=True)
    event_type = models.CharField(max_length=60)
    end_user_id = models.CharField(max_length=255, blank=True)
    timestamp = models.DateTimeField(default=timezone.now)
    object_type = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=40, blank=True)
    object_label = models.CharField(max_length=200, blank=True)
    details = models.JSONField(
        default=dict, blank=True, help_text="Names of what changed; never a PHI value, key or token."
    )
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.DONE)
    request_id = models.CharField(max_length=40, blank=True)
    route = models.CharField(max_length=100, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        # Each is paid for by every audited page. Ids go up, so that new rows go to the end of each range and its pages
        # fill; lists read backwards. Where most rows hold one value, only the others are indexed.
        indexes: ClassVar = [
            models.Index(fields=["workspace_id", "id"], name="audit_by_workspace"),
            models.Index(fields=["workspace_id", "event_type", "id"], name="audit_by_event_type"),
            models.Index(fields=["workspace_id", "actor_user_id", "id"], name="audit_by_actor"),
            *(
                models.Index(
                    fields=["workspace_id", field, "id"], condition=~models.Q((field, value)), name=_NAMES[field]
                )
                for field, value in USUAL.items()
            ),
            models.Index(fields=["request_id"], name="audit_by_request"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} by {self.actor_label or 'nobody'}"

    @property
    def sentence(self) -> str:
        """What happened in words that follow the actor's name; the event type itself where it is no longer known."""
        return MEANINGS.get(self.event_type, self.event_type)

    @property
    def facts(self) -> list[tuple[str, object]]:
        """Every field by its name, in the order of the model."""
        return [(field.attname, getattr(self, field.attname)) for field in self._meta.concrete_fields]

    def save(self, *_: Any, last: bool = False, **__: Any) -> None:
        """Add the row; a second save is refused. `last`: nothing follows in the transaction (`insert`)."""
        if not self._state.adding:
            raise AppendOnlyError("audit rows cannot be changed")
        insert(self, last=last)

    def delete(self, *_: Any, **__: Any) -> NoReturn:
        """Refused."""
        raise AppendOnlyError("audit rows cannot be removed")


class Sealed(models.Model):
    """What seals the log: added once, never changed and never removed. The database refuses it too."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row; a second save is refused."""
        if not self._state.adding:
            raise AppendOnlyError("what seals the audit log cannot be changed")
        kwargs["force_insert"] = True
        super().save(*args, **kwargs)

    def delete(self, *_: Any, **__: Any) -> NoReturn:
        """Refused."""
        raise AppendOnlyError("what seals the audit log cannot be removed")


class AuditLeaf(Sealed):
    """A row's place in its workspace's Merkle tree; rows of no workspace have a tree of their own.

    `leaf` is the hash of the row's line (audit.proof.canonical), `chain` that of the chain before and the leaf.
    """

    workspace_id = models.CharField(max_length=40, blank=True)
    index = models.PositiveBigIntegerField()
    row_id = models.UUIDField(unique=True)
    leaf = models.BinaryField()
    chain = models.BinaryField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["workspace_id", "index"], name="audit_leaf_place")]

    def __str__(self) -> str:
        return f"row {self.index}"


class AuditSubtree(Sealed):
    """The root of a complete subtree of 2**level leaves, for every eighth level: proofs stay short to make."""

    workspace_id = models.CharField(max_length=40, blank=True)
    level = models.PositiveSmallIntegerField()
    index = models.PositiveBigIntegerField()
    root = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace_id", "level", "index"], name="audit_subtree_place")
        ]

    def __str__(self) -> str:
        return f"subtree {self.index} of level {self.level}"


class AuditCheckpoint(Sealed):
    """A signed note of how many rows a workspace's log held at a time, and the root over them."""

    workspace_id = models.CharField(max_length=40, blank=True)
    size = models.PositiveBigIntegerField()
    made_at = models.DateTimeField()
    note = models.TextField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["workspace_id", "-id"], name="audit_checkpoints")]

    def __str__(self) -> str:
        return f"checkpoint of {self.size} rows"


class AuditTombstone(Sealed):
    """What stands in place of rows past their retention: a signed note of how many went and the root over them.

    Rows go from the beginning of a log on, so a tombstone covers the places `first` to before `end` and the one before
    ends where it begins. Leaves stay: roots, checkpoints and proofs are what they were. The triggers read `end`.
    """

    workspace_id = models.CharField(max_length=40, blank=True)
    first = models.PositiveBigIntegerField()
    end = models.PositiveBigIntegerField()
    made_at = models.DateTimeField()
    note = models.TextField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["workspace_id", "end"], name="audit_tombstone_end")]

    def __str__(self) -> str:
        return f"tombstone of {self.count} rows"

    @property
    def count(self) -> int:
        """How many rows went."""
        return self.end - self.first


class AuditRetention(Sealed):
    """How long a workspace's log is kept and whether it is on legal hold. The newest row is in force, the rest history.

    The triggers read `held` too: while a hold lasts, the database removes nothing.
    """

    workspace_id = models.CharField(max_length=40)
    years = models.PositiveSmallIntegerField()
    held = models.BooleanField()
    reason = models.CharField(max_length=200, blank=True, help_text="Why the hold was placed or released.")
    set_by = models.CharField(max_length=254)
    set_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["workspace_id", "-id"], name="audit_retention_in_force")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(years__gte=6, years__lte=25), name="audit_retention_years")
        ]

    def __str__(self) -> str:
        return f"{self.years} years{', on hold' if self.held else ''}"


class AuditPurgeRun(models.Model):
    """A run of the daily job that removes rows past their retention, across all logs."""

    started_at = models.DateTimeField(default=timezone.now, db_index=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"purge of {self.started_at:%Y-%m-%d %H:%M}"
