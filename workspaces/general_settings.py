"""General settings of a workspace: name, slug, strict write keys. Plan and BAA are set by support staff alone."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from audit.event_types import EventType
from audit.record import record
from workspaces.access import Right, require_right
from workspaces.models import User, Workspace
from workspaces.slugs import RESERVED_FOR_SITE


@transaction.atomic
def change_general_settings(
    workspace: Workspace, *, name: str, slug: str, strict_write_keys: bool, actor: User
) -> list[str]:
    """Set what differs and return the changed fields' names; raise ValidationError for a slug that cannot be had."""
    require_right(actor, workspace, Right.CHANGE_SETTINGS)
    wanted: dict[str, str | bool] = {"name": name, "slug": slug, "strict_write_keys": strict_write_keys}
    before = {field: getattr(workspace, field) for field in wanted}
    changed = [field for field, value in wanted.items() if value != before[field]]
    if not changed:
        return []
    if "slug" in changed and slug in RESERVED_FOR_SITE:
        raise _slug_refused()
    _update(workspace, {field: wanted[field] for field in changed})
    record(
        EventType.WORKSPACE_SETTINGS_MODIFIED,
        actor=actor,
        workspace_id=workspace.pk,
        subject=workspace,
        details={"changed": changed, **{field: [before[field], wanted[field]] for field in changed}},
    )
    return changed


def _update(workspace: Workspace, values: dict[str, str | bool]) -> None:
    try:
        with transaction.atomic():
            Workspace.objects.filter(pk=workspace.pk).update(**values)
    except IntegrityError:
        raise _slug_refused() from None
    # Only now: a page that shows the refusal still links to the old slug.
    for field, value in values.items():
        setattr(workspace, field, value)


def _slug_refused() -> ValidationError:
    """One message for taken and reserved, so that nobody learns which other workspaces there are."""
    return ValidationError({"slug": "This slug cannot be used. Choose another."})
