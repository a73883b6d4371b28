"""What the app shell needs on every page."""

from typing import Any

from django.http import HttpRequest

from workspaces.navigation import sidebar


def shell(request: HttpRequest) -> dict[str, Any]:
    """The workspace being looked at, what the person may do and open there, and their own workspaces to switch to."""
    workspace = getattr(request, "workspace", None)
    if workspace is None:
        return {}
    rights = request.rights  # type: ignore[attr-defined]  # set by WorkspaceMiddleware along with the workspace
    return {
        "workspace": workspace,
        "rights": {right.name for right in rights},
        "my_workspaces": request.user.workspaces.all(),  # type: ignore[union-attr]  # a member is signed in
        "navigation": sidebar(workspace, rights, request.path),
    }
