"""Customers: workspaces with their plan and BAA, and when an owner lets support staff in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.admin_base import AuditedAdmin, ReadOnlyAdmin
from workspaces import baa
from workspaces.eligibility import FACTS, set_eligibility
from workspaces.labels import add_defaults
from workspaces.models import Label, SupportAccess, User, Workspace
from workspaces.support_leave import in_force

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Workspace]
else:
    ModelForm = forms.ModelForm


class WorkspaceForm(ModelForm):
    """A new workspace's name and slug, or an old one's plan and BAA."""

    def clean(self) -> dict[str, Any]:
        """Refuse a BAA of which something is missing."""
        cleaned: dict[str, Any] = super().clean() or {}
        facts = {name: cleaned[name] for name in baa.TERMS if name in cleaned}
        if len(facts) == len(baa.TERMS) and (problems := baa.problems(**facts)):
            raise ValidationError(problems)
        return cleaned


@admin.register(Workspace)
class WorkspaceAdmin(AuditedAdmin[Workspace]):
    """Customers. Plan tier and BAA are set here and nowhere else; the rest is the customer's to change."""

    form = WorkspaceForm
    list_display = ("name", "slug", "plan", "baa_signed_on", "baa_expires_on", "is_hipaa_eligible", "created_at")
    list_filter = ("plan", ("baa_signed_on", admin.EmptyFieldListFilter))
    search_fields = ("name", "slug", "id__exact")
    fields = (
        "id",
        "name",
        "slug",
        *FACTS,
        "is_hipaa_eligible",
        "standing",
        "support_access",
        "strict_write_keys",
        "created_at",
    )

    def get_fields(self, request: HttpRequest, obj: Workspace | None = None) -> Any:
        """A new workspace has a name and a slug; its plan and BAA are set on the next page."""
        return self.fields if obj else ("name", "slug")

    def get_readonly_fields(self, request: HttpRequest, obj: Workspace | None = None) -> Any:
        """All but what decides eligibility."""
        return [name for name in cast(tuple[str, ...], self.fields) if name not in FACTS] if obj else []

    @admin.display(boolean=True, description="HIPAA eligible")
    def is_hipaa_eligible(self, workspace: Workspace) -> bool:
        """Business tier and a BAA in force."""
        return workspace.is_hipaa_eligible

    @admin.display(description="standing")
    def standing(self, workspace: Workspace) -> str:
        """Why it is or is not eligible."""
        return workspace.standing.value

    @admin.display(description="support access")
    def support_access(self, workspace: Workspace) -> str | SafeString:
        """The way into the workspace's pages, while an owner has it switched on."""
        leave = in_force(workspace)
        if leave is None:
            return "Off. An owner switches it on in Settings > Workspace settings > Support Access."
        told = f"On until {leave.expires_at:%Y-%m-%d %H:%M} UTC, by {leave.granted_by}"
        return format_html('{}. <a href="{}">Open the workspace</a>', told, reverse("home", args=[workspace.slug]))

    def workspace_ids_of(self, objects: Sequence[Workspace]) -> set[str]:
        """Their own ids."""
        return {str(each.pk) for each in objects}

    def save_model(self, request: HttpRequest, obj: Workspace, form: Any, change: Any) -> None:
        """A new workspace is stored; what changes on one goes through the domain verb."""
        if change:
            actor = cast(User, request.user)
            set_eligibility(obj, actor=actor, **{name: getattr(obj, name) for name in FACTS})
        else:
            super().save_model(request, obj, form, change)
            add_defaults(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Workspace | None = None) -> bool:
        """A workspace is not removed with a click."""
        return False

    def response_add(self, request: HttpRequest, obj: Workspace, post_url_continue: str | None = None) -> HttpResponse:
        """On to plan and BAA."""
        messages.success(request, f"{obj} is added. Its plan and BAA are set here.")
        return redirect("admin:workspaces_workspace_change", obj.pk)


@admin.register(SupportAccess)
class SupportAccessAdmin(ReadOnlyAdmin[SupportAccess]):
    """Leaves to open a workspace's pages: owners give and take them in their settings."""

    list_display = ("workspace", "granted_by", "granted_at", "expires_at", "revoked_at", "reason")
    list_select_related = ("workspace", "granted_by")
    search_fields = ("workspace__name", "workspace__slug", "granted_by__email")
    ordering = ("-id",)
    fields = ("workspace", "granted_by", "granted_at", "expires_at", "revoked_at", "reason")


@admin.register(Label)
class LabelAdmin(ReadOnlyAdmin[Label]):
    """What sources are sorted by and roles reach; made in the workspace's own pages."""

    list_display = ("__str__", "workspace", "description")
    list_select_related = ("workspace",)
    search_fields = ("key", "value", "workspace__name", "workspace__slug")
    ordering = ("-id",)
