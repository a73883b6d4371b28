"""What the app shell needs on every page."""

import uuid
from typing import Any

from django.http import HttpRequest

from workspaces import idle
from workspaces.access import Access, Right
from workspaces.navigation import sidebar
from workspaces.requests import session_left
from workspaces.support_leave import in_force


def shell(request: HttpRequest) -> dict[str, Any]:
    """The workspace being looked at, what the person may do and open there, and their own workspaces to switch to.

    On a page about one source, or a destination it feeds, `rights` are those that reach it.
    """
    workspace = getattr(request, "workspace", None)
    if workspace is None:
        return {}
    rights = request.rights  # type: ignore[attr-defined]  # set by WorkspaceMiddleware along with the workspace
    access: Access = request.access  # type: ignore[attr-defined]
    source_id: uuid.UUID | None = getattr(request, "source_id", None)
    here = access.rights_on(source_id) if source_id else rights
    return {
        "workspace": workspace,
        "rights": {right.name for right in here},
        "as_support": access.as_support,
        # Those who use it and those who can end it see on every page that it is on.
        "support_leave": access.leave or (in_force(workspace) if Right.GRANT_SUPPORT_ACCESS in rights else None),
        "my_workspaces": request.__dict__["my_workspaces"],  # read by IdleMiddleware
        "navigation": sidebar(workspace, rights, request.path),
    }


def session(request: HttpRequest) -> dict[str, Any]:
    """How long the session of whoever is signed in goes on, for the dialog that warns before its end."""
    if not request.user.is_authenticated:
        return {}
    return {"session_left": session_left(request), "session_warning": idle.WARNING}
