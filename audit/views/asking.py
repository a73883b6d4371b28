"""The filter of the log as it stands in an address, and as a question."""

from __future__ import annotations

import base64
import binascii
import uuid
from typing import Any

from django.http import QueryDict
from django.utils import timezone

from audit import queries, trail
from audit.forms import AuditLogFilter, AuditTrailFilter
from workspaces.models import User, Workspace
from workspaces.sealing import SealError, seal, unseal


def question(form: AuditLogFilter) -> queries.Question:
    """What a valid filter asks for."""
    asked = {name: value for name, value in form.cleaned_data.items() if name != "actor"}
    if isinstance(form, AuditTrailFilter):
        asked = {**asked, "changes_only": True, "since": trail.starts_at(timezone.now())}
    return queries.Question(**asked, actor_user_id=_actor_id(form.cleaned_data["actor"]))


def _actor_id(typed: str) -> str:
    """A user id, from itself or from an e-mail address; what nobody has finds nothing."""
    user = User.objects.filter(email=typed.lower()).only("pk").first() if "@" in typed else None
    return str(user.pk) if user else typed


def id_from(text: str | None) -> uuid.UUID | None:
    """An id from an address; None where there is none or it is no id."""
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None


def to_address(form: AuditLogFilter, workspace: Workspace) -> dict[str, str]:
    """The filter as query parameters: an end user's id is sealed, since addresses end up in logs and histories."""
    end_user_id = form.cleaned_data.get("end_user_id")
    if not end_user_id:
        return form.as_query()
    sealed = seal(end_user_id.encode(), bound_to=_bound_to(workspace))
    return {**form.as_query(), "end_user": base64.urlsafe_b64encode(sealed).decode()}


def from_address(query: QueryDict, workspace: Workspace) -> dict[str, Any]:
    """The filter from query parameters; a sealed id that does not open is looked for as it stands, and not found."""
    asked: dict[str, Any] = {name: query[name] for name in AuditLogFilter.base_fields if name in query}
    asked.pop("end_user_id", None)
    if sealed := query.get("end_user"):
        try:
            opened = unseal(base64.urlsafe_b64decode(sealed), bound_to=_bound_to(workspace)).decode()
        except (SealError, binascii.Error, UnicodeError):
            opened = sealed[:255]
        asked["end_user_id"] = opened
    return asked


def _bound_to(workspace: Workspace) -> bytes:
    return b"audit filter" + workspace.pk.bytes


def download_fields(form: AuditLogFilter, workspace: Workspace) -> dict[str, str]:
    """What a file of what the page shows is asked by; the trail's is the log's with its two conditions."""
    of_trail: dict[str, str] = {}
    if isinstance(form, AuditTrailFilter):
        of_trail = {"changes_only": "on", "since": f"{trail.starts_at(timezone.now()):%Y-%m-%dT%H:%M:%S}"}
    return {**to_address(form, workspace), **of_trail}
