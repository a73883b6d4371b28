"""The inventory: fields the customer has classified, the single source of truth about them, and how they came to be."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from audit.ids import new_id
from privacy.matchers import folded
from workspaces.models import User, Workspace


class Classification(models.TextChoices):
    """How restricted a field is (documented colours)."""

    RED = "red", "Red"
    YELLOW = "yellow", "Yellow"
    GREEN = "green", "Green"


class InventoryField(models.Model):
    """One field name and the class its owners gave it; holds for every source and event of the workspace."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="inventory")
    name = models.CharField(max_length=200, help_text="As it stands in events: the key itself or a dotted path.")
    folded = models.CharField(max_length=400, editable=False, help_text="The name in the form fields are told apart.")
    classification = models.CharField(max_length=10, choices=Classification.choices)
    # Documented: what was once red or yellow stays masked for people without PII Access.
    was_restricted = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    classified_at = models.DateTimeField(default=timezone.now)
    classified_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "name"], name="one_class_each_field"),
            models.UniqueConstraint(fields=["workspace", "folded"], name="one_class_each_spelling"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "classification", "name", "id"], name="inventory_by_class"),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Derive the folded name."""
        self.folded = folded(self.name)
        super().save(*args, **kwargs)

    def __str__(self) -> str:
        return f"{self.name} ({self.get_classification_display()})"


class ClassificationChange(models.Model):
    """One decision about a field, for its history: who, when, why. `before` is empty where it was new."""

    field = models.ForeignKey(InventoryField, on_delete=models.CASCADE, related_name="changes")
    before = models.CharField(max_length=10, choices=Classification.choices, blank=True)
    after = models.CharField(max_length=10, choices=Classification.choices)
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["-changed_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.before or 'new'} to {self.after}"
