"""People: accounts, addresses, second factors, sessions and locks, told in each workspace they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.admin_base import AuditedAdmin, ReadOnlyAdmin
from audit.event_types import EventType
from audit.middleware import audited
from workspaces.lockout import lift_address_lock, lift_lock, with_locks
from workspaces.models import Membership, User
from workspaces.notices import tell
from workspaces.second_factors import KINDS
from workspaces.sessions import end_sessions, end_sessions_by_support, follow_new_key

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[User]
    UserAdminBase = DjangoUserAdmin[User]
else:
    ModelForm, UserAdminBase = forms.ModelForm, DjangoUserAdmin

admin.site.unregister(Group)
admin.site.unregister(EmailAddress)
# Theirs are registered by import, and show every column.
for theirs in (mfa_admin.Authenticator, usersessions_admin.UserSession):
    admin.site.unregister(theirs)


def workspaces_of(user_ids: Iterable[object]) -> set[str]:
    """The workspaces these people belong to."""
    found = Membership.objects.filter(user_id__in=list(user_ids)).values_list("workspace_id", flat=True)
    return set(map(str, found.distinct()))


# What makes somebody support staff, and how far they go.
STANDING = ("is_staff", "is_superuser", "groups", "user_permissions")


class OfPerson:
    """For objects that belong to a person."""

    def workspace_ids_of(self, objects: Sequence[Any]) -> set[str]:
        """The workspaces of those people."""
        return workspaces_of(each.user_id for each in objects)


def may_change(request: HttpRequest, person: User | None) -> bool:
    """Whether the person is theirs to change: support staff are changed by superusers alone.

    With a new password or address for one who may do more, staff would take what they were not given.
    """
    return person is None or not person.is_staff or cast(User, request.user).is_superuser


class PersonForm(ModelForm):
    """Who somebody is."""

    def clean_email(self) -> str:
        """Addresses are kept in lower case, as sign-in and invitations look for them."""
        email: str = self.cleaned_data["email"]
        return email.lower()


class AddUserForm(PersonForm):
    """A new person: no password, they set their own through "Forgot password"."""

    class Meta:
        model = User
        fields = ("email", "name")


@admin.register(User)
class UserAdmin(AuditedAdmin[User], UserAdminBase):
    """People. Deactivate rather than delete: the audit log goes on naming them."""

    list_display = ("email", "name", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_superuser", "is_active")
    search_fields = ("email", "name", "id__exact")
    ordering = ("email",)
    readonly_fields = ("id", "change_password", "last_login", "date_joined")
    form = PersonForm
    add_form = AddUserForm
    fieldsets = (
        (None, {"fields": ("id", "email", "name", "change_password")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name")}),)
    actions = ("end_sessions",)

    @admin.action(description="End the sessions of the selected people", permissions=["change"])
    def end_sessions(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Sign every selected person out, wherever they are signed in."""
        ended = sum(end_sessions_by_support(user, actor=cast(User, request.user)) for user in users)
        messages.success(request, f"Sessions ended: {ended}")

    def workspace_ids_of(self, objects: Sequence[User]) -> set[str]:
        """The workspaces they belong to."""
        return workspaces_of(each.pk for each in objects)

    @admin.display(description="password")
    def change_password(self, user: User) -> SafeString:
        """A link to the form; the stored hash is not shown."""
        url = reverse("admin:auth_user_password_change", args=[user.pk])
        return format_html('<a href="{}">Set a new password</a>', url)

    @audited(EventType.ADMIN_OBJECT_VIEWED)
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002  (Django's name)
        """The form for a new password; setting one signs the person out everywhere."""
        before = request.session.session_key or ""
        with transaction.atomic():
            response = super().user_change_password(request, id, form_url)
            # With the password Django changes the key of whoever set it, and that alone tells that it was set.
            if request.session.session_key != before:
                follow_new_key(request, before=before)
                tell(request.__dict__["audit_subject"], "Support staff changed the password")
        return response

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: Any) -> None:
        """A new person has no password yet and an address that staff vouch for; one shut out is signed out."""
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)
        EmailAddress.objects.update_or_create(user=obj, primary=True, defaults={"email": obj.email, "verified": True})
        if change and "email" in form.changed_data:
            tell(obj, "Support staff changed the e-mail address", also_to=form.initial["email"])
        if not obj.is_active:
            end_sessions(obj)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """What staff may do in here is said by superusers alone."""
        fixed = tuple(super().get_readonly_fields(request, obj))
        return fixed if cast(User, request.user).is_superuser else (*fixed, *STANDING)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """For staff with the right to; staff themselves for superusers."""
        return super().has_change_permission(request, obj) and may_change(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """People are deactivated, never removed."""
        return False


@admin.register(Group)
class GroupAdmin(AuditedAdmin[Group], DjangoGroupAdmin):
    """Sets of rights for support staff. Superusers alone change them: a member could take what others have."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """For superusers."""
        return cast(User, request.user).is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """For superusers."""
        return cast(User, request.user).is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """For superusers."""
        return cast(User, request.user).is_superuser


@admin.register(EmailAddress)
class EmailAddressAdmin(OfPerson, AuditedAdmin[EmailAddress], AllauthEmailAddressAdmin):  # type: ignore[misc]  # allauth ships no types
    """Whether a person's address is verified. It is changed with the person; another one would be a second way in."""

    list_select_related = ("user",)
    search_fields = ("email", "user__email")
    readonly_fields = ("user", "email", "primary")
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nothing is added here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: EmailAddress | None = None) -> bool:
        """As for the person."""
        return bool(super().has_change_permission(request, obj)) and may_change(request, obj and obj.user)

    def has_delete_permission(self, request: HttpRequest, obj: EmailAddress | None = None) -> bool:
        """Nothing is removed here: it would shut the person out."""
        return False


@admin.register(Authenticator)
class AuthenticatorAdmin(OfPerson, ReadOnlyAdmin[Authenticator]):
    """Second factors. One that is lost is removed here; its owner then enrols anew."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("user__email",)
    fields = ("user", "type", "created_at", "last_used_at")

    def has_delete_permission(self, request: HttpRequest, obj: Authenticator | None = None) -> bool:
        """For staff with the right to; those of staff for superusers."""
        return bool(request.user.has_perm("mfa.delete_authenticator")) and may_change(request, obj and obj.user)

    def delete_model(self, request: HttpRequest, obj: Authenticator) -> None:
        """Its owner hears of it."""
        super().delete_model(request, obj)
        tell(obj.user, f"Support staff removed the {KINDS[obj.type]}")


@admin.register(UserSession)
class UserSessionAdmin(OfPerson, ReadOnlyAdmin[UserSession]):
    """Who is signed in where, without the sessions' keys."""

    # Not `last_seen_at`, which nothing moves: last use stands in the session itself.
    list_display = ("user", "ip", "user_agent", "created_at")
    list_select_related = ("user",)
    search_fields = ("user__email", "ip")
    fields = ("user", "ip", "user_agent", "created_at")


@admin.register(AccessAttempt)
class AccessAttemptAdmin(ReadOnlyAdmin[AccessAttempt]):
    """Failed sign-ins that count towards a lock, and the way to lift one before it runs out."""

    list_display = ("attempt_time", "username", "failures_since_start", "locked", "ip_address", "user_agent")
    search_fields = ("username", "ip_address")
    ordering = ("-attempt_time",)
    fields = ("attempt_time", "username", "failures_since_start", "ip_address", "user_agent")
    actions = ("let_in_again", "let_address_in_again")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With what is locked at hand."""
        return with_locks(super().get_queryset(request))

    @admin.display(description="locked now")
    def locked(self, attempt: Any) -> str:
        """Whether account, address or both cannot sign in."""
        about = {"account": attempt.account_locked, "address": attempt.address_locked}
        return " and ".join(name for name, locked in about.items() if locked) or "no"

    def workspace_ids_of(self, objects: Sequence[Any]) -> set[str]:
        """The workspaces of those whose accounts were tried."""
        tried = Membership.objects.filter(user__email__in=[each.username for each in objects if each.username])
        return set(map(str, tried.values_list("workspace_id", flat=True).distinct()))

    @admin.action(description="Lift the lock of the selected accounts")
    def let_in_again(self, request: HttpRequest, attempts: QuerySet[Any]) -> None:
        """Forget the failures of every selected account."""
        names = sorted(set(attempts.values_list("username", flat=True)) - {None})
        for name in names:
            lift_lock(name, actor=cast(User, request.user))
        messages.success(request, f"Accounts that can sign in again: {', '.join(names)}")

    @admin.action(description="Lift the lock of the selected addresses")
    def let_address_in_again(self, request: HttpRequest, attempts: QuerySet[Any]) -> None:
        """Forget every failure that came from the selected addresses."""
        addresses = sorted(set(attempts.values_list("ip_address", flat=True)) - {None})
        for address in addresses:
            lift_address_lock(address, actor=cast(User, request.user))
        messages.success(request, f"Addresses that can sign in again: {', '.join(addresses)}")
