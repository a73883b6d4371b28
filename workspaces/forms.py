"""Forms of sources and settings: they check what was typed and never save."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import QueryDict

from segment_app.forms import Switch
from workspaces.grants import RoleGiven
from workspaces.models import Label, Source, SupportAccess, User, Workspace
from workspaces.roles import DESCRIPTIONS, MEMBER, SCOPED_ROLES, Role, Scope
from workspaces.support_access import DURATIONS

GONE = "Choose from this workspace. Something chosen is no longer there."


class AddSourceForm(forms.Form):
    """The name of a new source."""

    name = forms.CharField(
        max_length=Source._meta.get_field("name").max_length,
        help_text="Identifies the source in this workspace, such as Patient portal (production).",
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "Patient portal"}),
    )


class SourceSettingsForm(forms.Form):
    """Name and state of a source."""

    name = forms.CharField(
        max_length=Source._meta.get_field("name").max_length,
        help_text="Identifies the source in this workspace. The slug in addresses stays as it is.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    enabled = forms.BooleanField(
        label="Enable Source",
        required=False,
        help_text="When disabled, events sent with this source's write keys are not accepted.",
        widget=Switch(),
    )


@dataclass(frozen=True, slots=True)
class RoleFields:
    """The fields of one role as the page shows them together; without a reach for a role of the whole workspace."""

    role: Role
    tick: forms.BoundField
    scope: forms.BoundField | None = None
    sources: forms.BoundField | None = None
    labels: forms.BoundField | None = None


class RolesForm(forms.Form):
    """What somebody is given: everything as an owner, or single roles with their reach."""

    level = forms.ChoiceField(
        label="Role",
        choices=[(Role.OWNER.value, Role.OWNER.label), ("member", MEMBER)],
        initial="member",
        widget=forms.RadioSelect,
    )

    def __init__(self, workspace: Workspace, data: QueryDict | None = None, *, given: Iterable[RoleGiven] = ()) -> None:
        super().__init__(data, initial=_answers(given))
        sources = [(str(pk), name) for pk, name in workspace.sources.order_by("name").values_list("pk", "name")]
        labels = [(str(label.pk), str(label)) for label in workspace.labels.all()]
        for role in _below_owner():
            self.fields[role.value] = forms.BooleanField(label=role.label, required=False, help_text=DESCRIPTIONS[role])
            if role in SCOPED_ROLES:
                self._add_reach(role, sources, labels)

    def _add_reach(self, role: Role, sources: list[tuple[str, str]], labels: list[tuple[str, str]]) -> None:
        self.fields[f"{role}_scope"] = forms.ChoiceField(
            label=f"{role.label} of", choices=Scope.choices, required=False, initial=Scope.ALL, widget=forms.RadioSelect
        )
        for name, choices in (("sources", sources), ("labels", labels)):
            self.fields[f"{role}_{name}"] = forms.MultipleChoiceField(
                label=f"{role.label}: {name}",
                choices=choices,
                required=False,
                widget=forms.CheckboxSelectMultiple,
                error_messages={"invalid_choice": GONE},
            )

    @property
    def rows(self) -> Iterator[RoleFields]:
        """The roles below the owner's, each with its fields."""
        for role in _below_owner():
            reach = [self[f"{role}_{name}"] for name in ("scope", "sources", "labels")] if role in SCOPED_ROLES else []
            yield RoleFields(role, self[role.value], *reach)

    def roles(self) -> list[RoleGiven]:
        """The answers of a valid form. An owner has every right there is: single roles would add nothing."""
        if self.cleaned_data["level"] == Role.OWNER:
            return [RoleGiven(Role.OWNER)]
        return [self._given(role) for role in _below_owner() if self.cleaned_data[role.value]]

    def _given(self, role: Role) -> RoleGiven:
        scope = Scope(self.cleaned_data.get(f"{role}_scope") or Scope.ALL)
        kept = {Scope.CHOSEN: "sources", Scope.LABELS: "labels"}.get(scope, "")
        ids = frozenset(map(uuid.UUID, self.cleaned_data[f"{role}_{kept}"])) if kept else frozenset()
        return RoleGiven(
            role,
            scope,
            source_ids=ids if scope is Scope.CHOSEN else frozenset(),
            label_ids=ids if scope is Scope.LABELS else frozenset(),
        )


def _below_owner() -> list[Role]:
    return [role for role in Role if role is not Role.OWNER]


def _answers(given: Iterable[RoleGiven]) -> dict[str, Any]:
    """The roles as the form's fields would hold them."""
    answers: dict[str, Any] = {}
    for each in given:
        if each.role is Role.OWNER:
            answers["level"] = Role.OWNER.value
        answers[each.role.value] = True
        answers[f"{each.role}_scope"] = each.scope.value
        answers[f"{each.role}_sources"] = list(map(str, each.source_ids))
        answers[f"{each.role}_labels"] = list(map(str, each.label_ids))
    return answers


class InviteForm(RolesForm):
    """Addresses and what they are given, alike for all."""

    MOST = 50
    emails = forms.CharField(
        label="E-mail addresses",
        max_length=10_000,
        help_text="One or several, separated by commas, spaces or lines.",
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_emails(self) -> list[str]:
        """Each address once, in lower case."""
        typed = re.split(r"[\s,;]+", self.cleaned_data["emails"].strip(" \t\r\n,;").lower())
        emails = list(dict.fromkeys(typed))
        if len(emails) > self.MOST:
            raise ValidationError(f"Invite at most {self.MOST} people at once.")
        wrong = [email for email in emails if not _is_address(email)]
        if wrong:
            raise ValidationError([f"{email} is not an e-mail address." for email in wrong])
        return emails


def _is_address(email: str) -> bool:
    try:
        validate_email(email)
    except ValidationError:
        return False
    return len(email) <= (User._meta.get_field("email").max_length or 0)


class JoinForm(forms.Form):
    """Name and password of a person who was invited and has no account."""

    name = forms.CharField(
        label="Your name",
        max_length=User._meta.get_field("name").max_length,
        help_text="Colleagues and the audit log know you by it.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        label="Password",
        max_length=1024,
        strip=False,
        help_text="At least 12 characters. A few words that do not belong together are good.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, email: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._email = email

    def clean(self) -> dict[str, Any]:
        """Refuse a password that is common, short or like the person's name or address."""
        cleaned: dict[str, Any] = super().clean() or {}
        if password := cleaned.get("password"):
            try:
                validate_password(password, User(email=self._email, name=cleaned.get("name", "")))
            except ValidationError as refusal:
                self.add_error("password", refusal)
        return cleaned


class LabelForm(forms.Form):
    """A new label."""

    key = forms.CharField(
        max_length=Label._meta.get_field("key").max_length,
        help_text="Such as environment or region.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "list": "label-keys", "spellcheck": "false"}),
    )
    value = forms.CharField(
        max_length=Label._meta.get_field("value").max_length,
        help_text="Such as Staging or North. Letters, digits, hyphens and underscores, a letter first.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    description = forms.CharField(
        max_length=Label._meta.get_field("description").max_length,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class SourceLabelsForm(forms.Form):
    """The labels of a source: for each key of the workspace one value, or none."""

    def __init__(self, source: Source, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        carried = {str(each.label_id) for each in source.source_labels.all()}
        by_key: dict[str, list[Label]] = {}
        for label in source.workspace.labels.all():
            by_key.setdefault(label.key, []).append(label)
        for key, labels in by_key.items():
            choices = [(str(label.pk), label.value) for label in labels]
            self.fields[f"label-{key}"] = forms.ChoiceField(
                label=key,
                required=False,
                choices=[("", "None"), *choices],
                initial=next((pk for pk, _ in choices if pk in carried), ""),
                error_messages={"invalid_choice": GONE},
            )

    def label_ids(self) -> list[uuid.UUID]:
        """The labels a valid form asks for."""
        return [uuid.UUID(chosen) for chosen in self.cleaned_data.values() if chosen]


class GeneralSettingsForm(forms.Form):
    """Name, slug and the answer to unknown write keys."""

    name = forms.CharField(
        label="Workspace Name",
        max_length=Workspace._meta.get_field("name").max_length,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    slug = forms.SlugField(
        label="Workspace Slug",
        max_length=Workspace._meta.get_field("slug").max_length,
        help_text=(
            "Letters, digits and hyphens. Changing the slug changes the address of every page of this workspace: "
            "bookmarks and links with the old one stop working."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    strict_write_keys = forms.BooleanField(
        label="Strict write keys",
        required=False,
        help_text=(
            "Off: a request with a write key that is unknown or revoked is answered 200 and its events are dropped, "
            "as client libraries expect. On: it is answered 401, so that a wrong key shows at once."
        ),
        widget=Switch(),
    )

    def clean_slug(self) -> str:
        """In lower case, as addresses are."""
        return str(self.cleaned_data["slug"]).lower()


class ProfileForm(forms.Form):
    """What a person is called."""

    name = forms.CharField(
        max_length=User._meta.get_field("name").max_length,
        help_text="As your colleagues know you. Shown to the members of your workspaces.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class SupportAccessForm(forms.Form):
    """For how long support staff are let in, and what for."""

    hours = forms.TypedChoiceField(
        label="For how long",
        coerce=int,
        choices=[(int(each / timedelta(hours=1)), words) for each, words in DURATIONS.items()],
        initial=24,
    )
    reason = forms.CharField(
        max_length=SupportAccess._meta.get_field("reason").max_length,
        help_text="Stands in the audit log, such as a ticket's number. Name no patients.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
