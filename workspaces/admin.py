"""Django admin for support staff: workspaces and their eligibility, people, memberships, sources, locks on accounts."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, cast

from allauth.account.admin import EmailAddressAdmin as AllauthEmailAddressAdmin
from allauth.account.models import EmailAddress
from allauth.mfa import admin as mfa_admin
from allauth.mfa.models import Authenticator
from allauth.usersessions import admin as usersessions_admin
from allauth.usersessions.models import UserSession
from axes.models import AccessAttempt
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.admin_base import AuditedAdmin, CappedPaginator, ReadOnlyAdmin
from audit.event_types import EventType
from audit.middleware import audited
from workspaces.accounts import lift_lock
from workspaces.eligibility import FACTS, set_eligibility
from workspaces.labels import add_defaults
from workspaces.models import EventCount, Grant, Membership, Source, User, Workspace
from workspaces.sessions import end_sessions

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[User]
    UserAdminBase = DjangoUserAdmin[User]
    GrantInlineBase = admin.TabularInline[Grant, Membership]
else:
    ModelForm, UserAdminBase, GrantInlineBase = forms.ModelForm, DjangoUserAdmin, admin.TabularInline

admin.site.site_header = admin.site.site_title = "Support"
admin.site.site_url = "/"
admin.site.unregister(Group)
admin.site.unregister(EmailAddress)
# Theirs are registered by import, and show every column.
for theirs in (mfa_admin.Authenticator, usersessions_admin.UserSession):
    admin.site.unregister(theirs)


@admin.register(Workspace)
class WorkspaceAdmin(AuditedAdmin[Workspace]):
    """Customers. Plan tier and BAA are set here and nowhere else; the rest is the customer's to change."""

    list_display = ("name", "slug", "plan", "baa_signed_on", "is_hipaa_eligible", "created_at")
    list_filter = ("plan", ("baa_signed_on", admin.EmptyFieldListFilter))
    search_fields = ("name", "slug", "id__exact")
    fields = (
        "id",
        "name",
        "slug",
        *FACTS,
        "is_hipaa_eligible",
        "standing",
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

    def workspace_id_of(self, obj: Workspace) -> uuid.UUID | str:
        """Its own id."""
        return obj.pk

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


class AddUserForm(ModelForm):
    """A new person: no password, they set their own through "Forgot password"."""

    class Meta:
        model = User
        fields = ("email", "name")

    def clean_email(self) -> str:
        """Addresses are kept in lower case, as sign-in looks for them."""
        email: str = self.cleaned_data["email"]
        return email.lower()


@admin.register(User)
class UserAdmin(AuditedAdmin[User], UserAdminBase):
    """People. Deactivate rather than delete: the audit log goes on naming them."""

    list_display = ("email", "name", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_superuser", "is_active")
    search_fields = ("email", "name", "id__exact")
    ordering = ("email",)
    readonly_fields = ("id", "change_password", "last_login", "date_joined")
    form = ModelForm
    add_form = AddUserForm
    fieldsets = (
        (None, {"fields": ("id", "email", "name", "change_password")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name")}),)

    @admin.display(description="password")
    def change_password(self, user: User) -> SafeString:
        """A link to the form; the stored hash is not shown."""
        url = reverse("admin:auth_user_password_change", args=[user.pk])
        return format_html('<a href="{}">Set a new password</a>', url)

    @audited(EventType.ADMIN_OBJECT_VIEWED)
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002  (Django's name)
        """The form for a new password; setting one signs the person out everywhere."""
        return super().user_change_password(request, id, form_url)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: Any) -> None:
        """A new person has no password yet and an address that staff vouch for."""
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)
        EmailAddress.objects.update_or_create(user=obj, primary=True, defaults={"email": obj.email, "verified": True})

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """People are deactivated, never removed."""
        return False


class GrantInline(GrantInlineBase):
    """The member's roles; sources and labels are chosen in the workspace's own pages."""

    model = Grant
    fields = ("role",)
    extra = 0


@admin.register(Membership)
class MembershipAdmin(AuditedAdmin[Membership]):
    """Who belongs where, and what they were given."""

    list_display = ("user", "workspace", "role_names", "created_at")
    list_filter = ("grants__role",)
    list_select_related = ("user", "workspace")
    search_fields = ("user__email", "user__name", "workspace__name", "workspace__slug")
    raw_id_fields = ("user", "workspace")
    inlines = (GrantInline,)

    @admin.display(description="roles")
    def role_names(self, membership: Membership) -> str:
        """As the members' page has them."""
        return membership.role_names

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """With roles at hand."""
        return super().get_queryset(request).prefetch_related("grants")

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        """Whoever is removed is signed out everywhere."""
        end_sessions(obj.user)
        super().delete_model(request, obj)


@admin.register(Source)
class SourceAdmin(ReadOnlyAdmin[Source]):
    """Sources, without their write keys."""

    list_display = ("name", "workspace", "kind", "enabled", "created_at")
    list_filter = ("enabled", "kind")
    list_select_related = ("workspace",)
    search_fields = ("name", "slug", "workspace__name", "workspace__slug", "id__exact")


@admin.register(EventCount)
class EventCountAdmin(ReadOnlyAdmin[EventCount]):
    """How many events came in and what became of them: numbers, no payloads."""

    list_display = ("hour", "source", "workspace", "event_type", "outcome", "count")
    list_select_related = ("source__workspace",)
    search_fields = ("source__name", "source__workspace__slug")
    ordering = ("-hour",)
    paginator = CappedPaginator

    @admin.display(description="workspace")
    def workspace(self, count: EventCount) -> str:
        """The source's workspace."""
        return str(count.source.workspace)

    def workspace_id_of(self, obj: EventCount) -> uuid.UUID | str:
        """The source's workspace."""
        return obj.source.workspace_id


@admin.register(Group)
class GroupAdmin(AuditedAdmin[Group], DjangoGroupAdmin):
    """Sets of rights for support staff."""


@admin.register(EmailAddress)
class EmailAddressAdmin(AuditedAdmin[EmailAddress], AllauthEmailAddressAdmin):  # type: ignore[misc]  # allauth ships no types
    """Which address of a person is verified."""

    list_select_related = ("user",)
    search_fields = ("email", "user__email")


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnlyAdmin[Authenticator]):
    """Second factors. One that is lost is removed here; its owner then enrols anew."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("user__email",)
    fields = ("user", "type", "created_at", "last_used_at")

    def has_delete_permission(self, request: HttpRequest, obj: Authenticator | None = None) -> bool:
        """For staff with the right to."""
        return bool(request.user.has_perm("mfa.delete_authenticator"))


@admin.register(UserSession)
class UserSessionAdmin(ReadOnlyAdmin[UserSession]):
    """Who is signed in where, without the sessions' keys."""

    list_display = ("user", "ip", "user_agent", "created_at", "last_seen_at")
    list_select_related = ("user",)
    search_fields = ("user__email", "ip")
    fields = ("user", "ip", "user_agent", "created_at", "last_seen_at")


@admin.register(AccessAttempt)
class AccessAttemptAdmin(ReadOnlyAdmin[AccessAttempt]):
    """Failed sign-ins that count towards a lock, and the way to lift one before it runs out."""

    list_display = ("attempt_time", "username", "failures_since_start", "ip_address", "user_agent")
    search_fields = ("username", "ip_address")
    ordering = ("-attempt_time",)
    fields = ("attempt_time", "username", "failures_since_start", "ip_address", "user_agent")
    actions = ("let_in_again",)

    @admin.action(description="Lift the lock of the selected accounts")
    def let_in_again(self, request: HttpRequest, attempts: QuerySet[Any]) -> None:
        """Forget the failures of every selected account."""
        names = sorted(set(attempts.values_list("username", flat=True)) - {None})
        for name in names:
            lift_lock(name, actor=cast(User, request.user))
        messages.success(request, f"Accounts that can sign in again: {', '.join(names)}")
