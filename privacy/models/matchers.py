"""Custom matchers: what a workspace's owners look for beyond the default ones."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from audit.ids import new_id
from workspaces.models import User, Workspace


class CustomMatcher(models.Model):
    """A name, the other terms it goes by, and how they are compared (documented). Never green."""

    class Colour(models.TextChoices):
        RED = "red", "Red"
        YELLOW = "yellow", "Yellow"

    class MatchesOn(models.TextChoices):
        KEY = "key", "Key"
        VALUE = "value", "Value"

    class ThatIs(models.TextChoices):
        SIMILAR = "similar", "Similar to"
        EXACT = "exact", "Exactly"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="matchers")
    name = models.CharField(max_length=100)
    folded = models.CharField(max_length=200, editable=False, help_text="The name in the form matchers are told apart.")
    classification = models.CharField(max_length=10, choices=Colour.choices)
    matches_on = models.CharField(max_length=5, choices=MatchesOn.choices, default=MatchesOn.KEY)
    that_is = models.CharField(max_length=7, choices=ThatIs.choices, default=ThatIs.SIMILAR)
    synonyms = models.JSONField(default=list, help_text="Further key names; of a value matcher, RE2 patterns.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["workspace", "folded"], name="one_matcher_of_a_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def terms(self) -> tuple[str, ...]:
        """Everything that is compared: key names with the matcher's own first; of a value matcher, its patterns."""
        return tuple(self.synonyms) if self.matches_on == self.MatchesOn.VALUE else (self.name, *self.synonyms)
