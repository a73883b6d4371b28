"""The inventory: fields the customer has classified, the single source of truth about them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from audit.ids import new_id
from workspaces.models import Workspace


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
    classification = models.CharField(max_length=10, choices=Classification.choices)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["workspace", "name"], name="one_class_each_field")]

    def __str__(self) -> str:
        return f"{self.name} ({self.get_classification_display()})"
