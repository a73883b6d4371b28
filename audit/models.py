"""The HIPAA audit log: who read or changed what may involve PHI. Rows are added, never changed and never removed."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.db import models
from django.utils import timezone

from audit.event_types import EventType
from audit.ids import new_id


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

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace_id = models.CharField(max_length=40, blank=True)
    actor_user_id = models.CharField(max_length=40, blank=True)
    actor_label = models.CharField(max_length=254, blank=True)
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
        indexes: ClassVar = [
            models.Index(fields=["workspace_id", "-id"], name="audit_by_workspace"),
            models.Index(fields=["workspace_id", "event_type", "-id"], name="audit_by_event_type"),
            models.Index(fields=["workspace_id", "actor_user_id", "-id"], name="audit_by_actor"),
            models.Index(fields=["workspace_id", "end_user_id", "-id"], name="audit_by_end_user"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} by {self.actor_label or 'nobody'}"

    @property
    def sentence(self) -> str:
        """What happened in words that follow the actor's name; the event type itself where it is no longer known."""
        return dict(EventType.choices).get(self.event_type, self.event_type)

    @property
    def facts(self) -> list[tuple[str, object]]:
        """Every field by its name, in the order of the model."""
        return [(field.attname, getattr(self, field.attname)) for field in self._meta.concrete_fields]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row; a second save is refused."""
        if not self._state.adding:
            raise AppendOnlyError("audit rows cannot be changed")
        kwargs["force_insert"] = True
        super().save(*args, **kwargs)

    def delete(self, *_: Any, **__: Any) -> NoReturn:
        """Refused."""
        raise AppendOnlyError("audit rows cannot be removed")
