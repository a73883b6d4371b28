"""When a workspace's rules last changed, so that workers and web processes compile them anew."""

from __future__ import annotations

from django.db import models

from workspaces.models import Workspace


class RuleRevision(models.Model):
    """Moves with every change of a workspace's matchers and inventory.

    `matchers` is the revision at which the matchers last changed: what was recommended before that is asked anew.
    `lost_samples` moves by itself, when retention or a deletion removed samples of fields.
    """

    workspace = models.OneToOneField(
        Workspace, on_delete=models.CASCADE, primary_key=True, related_name="rule_revision"
    )
    revision = models.PositiveBigIntegerField(default=1)
    matchers = models.PositiveBigIntegerField(default=0)
    lost_samples = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"rules of {self.workspace_id}, revision {self.revision}"
