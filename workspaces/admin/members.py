"""Who belongs to which workspace and who is invited. Owners change that in their pages; a first owner is made here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.admin_base import AuditedAdmin, ReadOnlyAdmin
from workspaces.members import check_first_owner, make_first_owner
from workspaces.models import Grant, Invitation, Membership, User

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Membership]
    GrantInlineBase = admin.TabularInline[Grant, Membership]
else:
    ModelForm, GrantInlineBase = forms.ModelForm, admin.TabularInline


class GrantInline(GrantInlineBase):
    """The member's roles and how far each reaches, to be read."""

    model = Grant
    fields = ("role", "scope", "reached")
    readonly_fields = ("reached",)
    extra = 0
    can_delete = False

    @admin.display(description="sources or labels")
    def reached(self, grant: Grant) -> str:
        """Those the role was narrowed to."""
        return ", ".join(map(str, [*grant.sources.all(), *grant.labels.all()])) or "-"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Grant]:
        """With what each reaches at hand."""
        return super().get_queryset(request).prefetch_related("sources", "labels")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is added here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is changed here."""
        return False


class FirstOwnerForm(ModelForm):
    """Whom to make the owner of which workspace. `actor` is set by the admin."""

    actor: User

    def clean(self) -> dict[str, Any]:
        """Refuse where an owner can see to it."""
        cleaned: dict[str, Any] = super().clean() or {}
        if "workspace" in cleaned and "user" in cleaned:
            check_first_owner(cleaned["workspace"], cleaned["user"], actor=self.actor)
        return cleaned

    def _get_validation_exclusions(self) -> set[str]:
        """A member there is may become the owner that is missing: being one already is no mistake."""
        return {*super()._get_validation_exclusions(), "workspace"}  # type: ignore[misc]  # not in the stubs


@admin.register(Membership)
class MembershipAdmin(AuditedAdmin[Membership]):
    """Who belongs where, and what they were given. Adding one makes the first owner of a workspace without any."""

    form = FirstOwnerForm
    fields = ("user", "workspace")
    list_display = ("user", "workspace", "role_names", "created_at")
    list_filter = ("grants__role",)
    list_select_related = ("user", "workspace")
    search_fields = ("user__email", "user__name", "workspace__name", "workspace__slug")
    ordering = ("-id",)
    raw_id_fields = ("user", "workspace")

    @admin.display(description="roles")
    def role_names(self, membership: Membership) -> str:
        """As the members' page has them."""
        return membership.role_names

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """With roles at hand."""
        return super().get_queryset(request).prefetch_related("grants")

    def get_inlines(self, request: HttpRequest, obj: Membership | None) -> Any:
        """Roles of a member there is."""
        return [GrantInline] if obj else []

    def get_form(self, request: HttpRequest, obj: Membership | None = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002  (Django's)
        """Tell the form who asks."""
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.actor = request.user  # a class of this request alone
        return form

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: Any) -> None:
        """Through the domain verb."""
        obj.pk = make_first_owner(obj.workspace, obj.user, actor=cast(User, request.user)).pk

    def has_change_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        """Owners change roles."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        """Owners remove members."""
        return False


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin[Invitation]):
    """Who was asked to join, without the link's digest."""

    list_display = ("email", "workspace", "invited_by", "sent_at", "expires_at")
    list_select_related = ("workspace", "invited_by")
    search_fields = ("email", "workspace__name", "workspace__slug")
    ordering = ("-id",)
    fields = ("email", "workspace", "roles", "invited_by", "sent_at", "expires_at")
