"""What the app shell needs on every page."""

from typing import Any

from django.http import HttpRequest


def shell(request: HttpRequest) -> dict[str, Any]:
    """The workspace being looked at and the person's own workspaces, for the sidebar and the switcher."""
    workspace = getattr(request, "workspace", None)
    if workspace is None:
        return {}
    return {
        "workspace": workspace,
        "rights": {right.name for right in request.rights},  # type: ignore[attr-defined]
        "my_workspaces": request.user.workspaces.all(),  # type: ignore[union-attr]
    }
